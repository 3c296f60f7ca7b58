"""From an empty folder to a potential: explore, select, label, judge, train, and again.

config        what ``voxpot learn`` reads
alloys        lattice, elements, cells of any composition
ordered       enumeration of ordered structures
geometries    structures to label, from geometry alone; ``sampling`` those from a potential
explore       tasks that make structures
choose        which of them are labelled
labellers     what labels them: an ASE calculator, a program, VASP
checks        which labels are taken, and why not
labelling     tasks that label, retries, what is set aside
training      the task that trains; ``zero`` the zero of energy of the labels
judging       errors of a potential on labels that it has not seen
crystals      elements and compounds; ``properties`` what is computed of them, ``comparison`` by which potentials
rounds        the loop
estimate      what it would cost
page          its report; ``property_table`` that of the crystals
compounds     ordered compounds, relaxed with a potential, with formation energies, a command
fresh         frames that a campaign has not seen; ``assess`` errors on them, a command
"""
