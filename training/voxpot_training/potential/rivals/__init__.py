"""Ways to train that the product does not take, to compare: a Kalman filter, Muon, a last layer by least squares."""
