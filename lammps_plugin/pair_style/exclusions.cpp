#include "exclusions.h"

#include "pair_voxpot.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "neighbor.h"

#include <algorithm>
#include <set>

using namespace LAMMPS_NS;

namespace voxpot {

static constexpr int ALL = 1;    // bit of the group all

// The classes of atoms that there are, on any rank.
std::vector<Exclusions::Class> Exclusions::gather(const std::vector<int> &kinds) const
{
  std::set<Class> mine;
  for (int i = 0; i < atom->nlocal; i++)
    if (kinds[atom->type[i]] >= 0) mine.insert({atom->type[i], atom->mask[i] & named});
  std::vector<int> sent;
  for (const Class &c : mine) sent.insert(sent.end(), {c.first, c.second});

  const int ranks = comm->nprocs, size = sent.size();
  std::vector<int> sizes(ranks), starts(ranks + 1, 0);
  MPI_Allgather(&size, 1, MPI_INT, sizes.data(), 1, MPI_INT, world);
  for (int r = 0; r < ranks; r++) starts[r + 1] = starts[r] + sizes[r];
  std::vector<int> got(starts[ranks]);
  MPI_Allgatherv(sent.data(), size, MPI_INT, got.data(), sizes.data(), starts.data(), MPI_INT, world);
  std::set<Class> all;
  for (size_t k = 0; k < got.size(); k += 2) all.insert({got[k], got[k + 1]});
  return {all.begin(), all.end()};
}

// Whether LAMMPS lists no pairs of two atoms of these classes, see NPair::exclusion there.
bool Exclusions::apart(const Class &a, const Class &b) const
{
  if (neighbor->nex_type && neighbor->ex_type[a.first][b.first]) return true;
  for (int m = 0; m < neighbor->nex_group; m++) {
    const int one = neighbor->ex1_bit[m], other = neighbor->ex2_bit[m];
    if ((a.second & one && b.second & other) || (a.second & other && b.second & one)) return true;
  }
  return false;
}

void Exclusions::update(const std::vector<int> &kinds)
{
  hidden.clear();
  anywhere = false;
  if (neighbor->nex_type + neighbor->nex_group + neighbor->nex_mol == 0) {
    refuse_withdrawn(kinds);
    return;
  }
  int molecules = 0;
  for (int m = 0; m < neighbor->nex_mol; m++) molecules |= neighbor->ex_mol_bit[m];
  named = ALL | molecules;
  for (int m = 0; m < neighbor->nex_group; m++) named |= neighbor->ex1_bit[m] | neighbor->ex2_bit[m];

  std::vector<Class> seen, unseen;
  const std::vector<Class> classes = gather(kinds);
  for (const Class &a : classes) {
    // against its own class, too: an atom that would see another one like it is only alone
    auto from_all = [&](const Class &b) { return !(b.second & ALL) || apart(a, b); };
    const bool gone = !(a.second & ALL) || std::all_of(classes.begin(), classes.end(), from_all);
    (gone ? unseen : seen).push_back(a);
  }
  for (const Class &a : seen)
    for (const Class &b : seen)
      if (apart(a, b) || (a.second & b.second & molecules))
        error->all(FLERR, "{}: 'neigh_modify exclude' hides neighbours: atoms of types {} and {} do not all see each "
                   "other, but the energy of an atom depends on all its neighbours; exclude a whole group from all "
                   "('neigh_modify exclude group ID all'), which counts as deleted, or nothing",
                   NAME, a.first, b.first);
  anywhere = !unseen.empty();
  if (!anywhere) return;
  hidden.resize(atom->nlocal + atom->nghost);
  for (size_t i = 0; i < hidden.size(); i++)
    hidden[i] = std::binary_search(unseen.begin(), unseen.end(), Class{atom->type[i], atom->mask[i] & named});
}

// After `neigh_modify exclude none` fix gcmc still withdraws atoms, and LAMMPS lists them nevertheless.
void Exclusions::refuse_withdrawn(const std::vector<int> &kinds) const
{
  int withdrawn = 0;
  for (int i = 0; i < atom->nlocal; i++) withdrawn += !(atom->mask[i] & ALL) && kinds[atom->type[i]] >= 0;
  if (withdrawn)
    error->one(FLERR, "{}: a fix withdraws {} atoms, as fix gcmc does, but 'neigh_modify exclude none' cleared its "
               "exclusion; say the fix after that line", NAME, withdrawn);
}

}    // namespace voxpot
