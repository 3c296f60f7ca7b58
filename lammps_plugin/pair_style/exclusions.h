// Atoms that LAMMPS hides from all others count as deleted: `neigh_modify exclude`, and fix gcmc, which
// withdraws an atom from every group but its own for the energy without it.  They have no energy at all.
//
// An exclusion that hides some neighbours of an atom but not the atom is refused: the energy of an atom
// depends on all its neighbours, and LAMMPS would say a wrong one, with forces that go with it.

#ifndef VOXPOT_EXCLUSIONS_H
#define VOXPOT_EXCLUSIONS_H

#include "pointers.h"

#include <utility>
#include <vector>

namespace voxpot {

class Exclusions : protected LAMMPS_NS::Pointers {
 public:
  explicit Exclusions(LAMMPS_NS::LAMMPS *lmp) : Pointers(lmp) {}

  // Look at the rules and at the atoms as they are now; all ranks together.  Atoms whose type has no kind (-1)
  // are left to others.  Stops LAMMPS if neighbours are hidden from atoms that count.
  void update(const std::vector<int> &kinds);

  bool any() const { return anywhere; }                           // on any rank
  bool hides(int i) const { return !hidden.empty() && hidden[i]; }

 private:
  using Class = std::pair<int, int>;    // type of an atom, and those of its groups that rules name
  bool anywhere = false;
  std::vector<char> hidden;             // of local atoms and ghosts; empty if none is on any rank
  int named = 0;                        // bits of these groups, and of the group all

  std::vector<Class> gather(const std::vector<int> &kinds) const;
  bool apart(const Class &a, const Class &b) const;
  void refuse_withdrawn(const std::vector<int> &kinds) const;
};

}    // namespace voxpot

#endif
