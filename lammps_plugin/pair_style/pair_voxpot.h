// The pair style `voxpot`: neighbours from LAMMPS in, energies, forces and virials out.
//
//     pair_style voxpot [dtype float32|float64] [device auto|cpu|cuda]
//     pair_coeff * * MODEL ELEMENT ELEMENT ...
//
// The numbers come from ase_voxpot, through C functions that lammps_plugin/serve.py puts into a
// table: one that Numba compiled and that runs without Python, where the model has it, else one that
// calls Python.

#ifndef VOXPOT_PAIR_VOXPOT_H
#define VOXPOT_PAIR_VOXPOT_H

#include "exclusions.h"
#include "service.h"

#include "pair.h"

#include <string>
#include <unordered_map>
#include <vector>

namespace voxpot {

constexpr const char *NAME = "pair_style voxpot";

class PairVoxpot : public LAMMPS_NS::Pair {
 public:
  explicit PairVoxpot(LAMMPS_NS::LAMMPS *lmp);
  ~PairVoxpot() override;
  void settings(int narg, char **arg) override;
  void coeff(int narg, char **arg) override;
  void init_style() override;
  double init_one(int, int) override { return cutoff; }
  void compute(int eflag, int vflag) override;
  double compute_atomic_energy(int i, LAMMPS_NS::NeighList *neighbours) override;
  void add_tally_callback(LAMMPS_NS::Compute *) override;
  void *extract(const char *name, int &dimensions) override;
  void *extract_peratom(const char *name, int &columns) override;
  double memory_usage() override;

 private:
  Service service{};
  int handle = -1;
  double cutoff = 0.0;
  std::string dtype = "float32", device = "auto";

  std::vector<int> kinds;       // number in the model of every atom type, -1 for none
  bool some_null = false;       // whether there are such types
  Exclusions exclusions;        // atoms that count as deleted
  bool started = false;         // whether the list of this run was looked at
  std::vector<int> original;    // index in LAMMPS of the atoms of a request
  std::vector<int> species, neighbour, channel;
  std::vector<long long> first;
  std::vector<double> offset, energies, gradient;
  size_t count = 0;    // pairs in the arrays, which may be longer
  int evaluated = -1;  // centres that they hold since the last computation of forces; -1 for those of something else

  int trigger = 0;                             // set by fix pair, and not needed
  std::vector<std::vector<double>> guessed;    // by field and atom, see FIELDS

  struct Seen {    // the surroundings that an energy was computed for
    std::vector<double> scene;
    double energy;
  };
  std::unordered_map<int, Seen> remembered;

  void connect();
  void refuse_gaps() const;
  int collect_all();
  void collect(int i, const LAMMPS_NS::NeighList *neighbours);
  void refuse_overlap(int i, int kept);
  void fail(const std::string &sentence);
  Request request_of(int atoms, bool forces);
  Request ask(int atoms, bool forces);
  void estimate();
  void add_forces(const Request &answer);
  void add_virials(const Request &answer);
  std::vector<double> surroundings(int i, const LAMMPS_NS::NeighList *neighbours) const;
};

}    // namespace voxpot

#endif
