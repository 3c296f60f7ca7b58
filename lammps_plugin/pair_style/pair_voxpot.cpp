#include "pair_voxpot.h"

#include "interpreter.h"

#include "atom.h"
#include "comm.h"
#include "compute.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "modify.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"
#include "utils.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <unistd.h>

using namespace LAMMPS_NS;

namespace voxpot {

static const std::vector<std::string> FIELDS = {"extrapolation", "energies_uncertainty", "forces_uncertainty"};
static constexpr double CLOSEST = 1e-3;    // Angstrom, below which two atoms are at the same place

PairVoxpot::PairVoxpot(LAMMPS *lmp) : Pair(lmp), exclusions(lmp)
{
  single_enable = 0;
  restartinfo = 0;
  one_coeff = 1;
  manybody_flag = 1;
  atomic_energy_enable = 1;
  centroidstressflag = CENTROID_AVAIL;
  etail_ij = ptail_ij = 0.0;
  guessed.assign(FIELDS.size(), std::vector<double>(1, 0.0));
}

PairVoxpot::~PairVoxpot()
{
  if (handle >= 0) service.close(handle);
  if (allocated) {
    memory->destroy(setflag);
    memory->destroy(cutsq);
  }
}

// ---------------------------------------------------------------------- setting up

void PairVoxpot::settings(int narg, char **arg)
{
  dtype = "float32";
  device = "auto";
  for (int i = 1; allocated && i <= atom->ntypes; i++)    // a model in another precision is another one
    for (int j = 1; j <= atom->ntypes; j++) setflag[i][j] = 0;
  for (int k = 0; k < narg; k += 2) {
    const std::string key = arg[k];
    if (k + 1 == narg || (key != "dtype" && key != "device"))
      error->all(FLERR, "{}: expected [dtype float32|float64] [device auto|cpu|cuda], got '{}'", NAME, key);
    (key == "dtype" ? dtype : device) = arg[k + 1];
  }
}

void PairVoxpot::coeff(int narg, char **arg)
{
  if (narg < 4 || strcmp(arg[0], "*") != 0 || strcmp(arg[1], "*") != 0)
    error->all(FLERR, "{}: expected 'pair_coeff * * MODEL ELEMENT ...' with one element or NULL per atom type", NAME);
  if (!allocated) {
    const int n = atom->ntypes + 1;
    memory->create(setflag, n, n, "pair:setflag");
    memory->create(cutsq, n, n, "pair:cutsq");
    for (int i = 1; i < n; i++)
      for (int j = 1; j < n; j++) setflag[i][j] = 0;
    map = new int[n];
    allocated = 1;
  }
  map_element2type(narg - 3, arg + 3);
  std::string names;
  for (int k = 0; k < nelements; k++) names += (k ? " " : "") + std::string(elements[k]);

  if (!service.open) connect();
  if (handle >= 0) service.close(handle);
  handle = service.open(arg[2], names.c_str(), dtype.c_str(), device.c_str(), comm->nprocs);
  // a file may be missing on one machine only: then that rank speaks, and the others do not run on
  int failed = handle < 0, failures = 0;
  MPI_Allreduce(&failed, &failures, 1, MPI_INT, MPI_SUM, world);
  if (failures == comm->nprocs) error->all(FLERR, "{}: {}", NAME, service.message);
  if (failed) error->one(FLERR, "{}: {}", NAME, service.message);
  if (failures) MPI_Barrier(world);
  cutoff = service.cutoff;
  kinds.assign(atom->ntypes + 1, -1);
  for (int type = 1; type <= atom->ntypes; type++)
    if (map[type] >= 0) kinds[type] = service.species[map[type]];
  some_null = std::find(kinds.begin() + 1, kinds.end(), -1) != kinds.end();
}

void PairVoxpot::init_style()
{
  if (strcmp(update->unit_style, "metal") != 0)
    error->all(FLERR, "{}: expected 'units metal' (eV, Angstrom), got 'units {}'", NAME, update->unit_style);
  if (!force->newton_pair)
    error->all(FLERR, "{}: expected 'newton on' (atoms of other ranks feel forces), got 'newton off'", NAME);
  if (force->pair_match("hybrid/molecular", 0))
    error->all(FLERR, "{}: atoms of all molecules must see each other; use 'pair_style hybrid/overlay'", NAME);
  const double *bonded = force->special_lj;
  if (atom->molecular != Atom::ATOMIC && (bonded[1] != 1.0 || bonded[2] != 1.0 || bonded[3] != 1.0))
    error->all(FLERR, "{}: bonded atoms must see each other too; set 'special_bonds lj/coul 1.0 1.0 1.0'", NAME);
  if (neighbor->nex_type && !(modify->get_fix_by_style("swap").empty() && modify->get_fix_by_style("sgcmc").empty()))
    error->all(FLERR, "{}: with 'neigh_modify exclude type' a fix that swaps types changes what is hidden, which the "
               "neighbour list would follow too late; exclude a group", NAME);
  neighbor->add_request(this, NeighConst::REQ_FULL);
  started = false;
}

// In a hybrid style another one may have taken pairs away from us.
void PairVoxpot::refuse_gaps() const
{
  for (const NeighList *one = list; one; one = one->listcopy)
    for (int i = 1; one->ijskip && i <= atom->ntypes; i++)
      for (int j = i; j <= atom->ntypes; j++)
        if (one->ijskip[i][j] && kinds[i] >= 0 && kinds[j] >= 0)
          error->all(FLERR, "{}: pairs of types {} and {} belong to another pair style, but the energy of an atom "
                     "depends on all its neighbours; use 'pair_style hybrid/overlay', or NULL", NAME, i, j);
}

// LAMMPS would warn, and say zero.
void PairVoxpot::add_tally_callback(Compute *compute)
{
  error->all(FLERR, "{}: compute {} ({}) adds up energies of pairs, which there are none of", NAME, compute->id,
             compute->style);
}

void PairVoxpot::connect()
{
  Interpreter python;
  const std::string wrong = python.find();
  if (!wrong.empty()) error->all(FLERR, "{}: {}", NAME, wrong);
  python.connect(service);
  if (!service.open) error->one(FLERR, "{}: Python cannot import lammps_plugin.serve ({})", NAME, service.message);
}

// ---------------------------------------------------------------------- computing

// Append the neighbours of one atom.  First those within the cutoff are picked: every entry of the list is
// written down, and overwritten by the next if it does not count, as most are beyond the cutoff (LAMMPS lists
// them for the steps to come) and a branch would often be guessed wrong.
void PairVoxpot::collect(int i, const NeighList *neighbours)
{
  const double *x = atom->x[0], limit = cutoff * cutoff;
  const int *jlist = neighbours->firstneigh[i], *type = atom->type, *kind = kinds.data();
  const int many = neighbours->numneigh[i];
  const size_t needed = count + many + 1;
  if (neighbour.size() < needed) {
    neighbour.resize(2 * needed);
    channel.resize(2 * needed);
    offset.resize(6 * needed);
  }
  const double here[3] = {x[3 * (size_t) i], x[3 * (size_t) i + 1], x[3 * (size_t) i + 2]};
  int *n = neighbour.data() + count, kept = 0;
  for (int k = 0; k < many; k++) {
    const int j = jlist[k] & NEIGHMASK;
    const double *there = x + 3 * (size_t) j;
    const double a = there[0] - here[0], b = there[1] - here[1], c = there[2] - here[2];
    n[kept] = j;
    kept += !(a * a + b * b + c * c >= limit);    // NaN counts, and the model will say so
  }
  if (some_null) kept = std::remove_if(n, n + kept, [&](int j) { return kind[type[j]] < 0; }) - n;

  int *c = channel.data() + count;
  double *d = offset.data() + 3 * count, least = limit;
  for (int k = 0; k < kept; k++, d += 3) {
    const int j = n[k];
    for (int a = 0; a < 3; a++) d[a] = x[3 * (size_t) j + a] - here[a];
    c[k] = kind[type[j]];
    least = std::min(least, d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
  }
  if (least < CLOSEST * CLOSEST) refuse_overlap(i, kept);
  count += kept;
}

// Say which of the last neighbours of an atom is at the same place.
void PairVoxpot::refuse_overlap(int i, int kept)
{
  for (size_t p = count; p < count + kept; p++) {
    const double *d = &offset[3 * p], distance = std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
    if (distance < CLOSEST)
      error->one(FLERR, "{}: atoms {} and {} are at the same place ({:.1e} Angstrom apart)", NAME, atom->tag[i],
                 atom->tag[neighbour[p]], distance);
  }
}

// All atoms of this rank and their neighbours; how many atoms.  A request numbers its centres from zero; with
// a hybrid style LAMMPS may leave some atoms of the rank to others, some may be hidden, and numbers shift.
int PairVoxpot::collect_all()
{
  const int all = atom->nlocal + atom->nghost, *type = atom->type;
  int centres = 0;
  count = 0;
  original.resize(all);
  first.resize(list->inum + 1);
  first[0] = 0;
  for (int ii = 0; ii < list->inum; ii++) {
    const int i = list->ilist[ii];
    if (exclusions.hides(i)) continue;
    original[centres++] = i;
    collect(i, list);
    first[centres] = count;
  }
  bool shifted = centres != atom->nlocal;
  for (int k = 0; k < centres && !shifted; k++) shifted = original[k] != k;
  for (int i = centres; i < all; i++) original[i] = i;
  if (shifted) {
    original.resize(centres);
    std::vector<int> number(all, -1);
    for (int k = 0; k < centres; k++) number[original[k]] = k;
    for (size_t p = 0; p < count; p++) {
      int &j = neighbour[p];
      if (number[j] < 0) {
        number[j] = original.size();
        original.push_back(j);
      }
      j = number[j];
    }
  }
  species.resize(original.size());
  for (size_t k = 0; k < original.size(); k++) species[k] = std::max(kinds[type[original[k]]], 0);
  return centres;
}

// Stop all ranks.  mpiexec drops what a rank says in the moment in which it ends the others, so
// the sentence goes ahead.
void PairVoxpot::fail(const std::string &sentence)
{
  if (comm->nprocs > 1) {
    fprintf(stderr, "%s, step %lld: %s\n", NAME, (long long) update->ntimestep, sentence.c_str());
    fflush(stderr);
    usleep(300000);
  }
  error->one(FLERR, "{}, step {}: {}", NAME, update->ntimestep, sentence);
}

// What was collected, as a question.
Request PairVoxpot::request_of(int atoms, bool forces)
{
  return {atoms,        (int) species.size(), (long long) count, forces, species.data(),
          first.data(), neighbour.data(),     offset.data(),     nullptr, nullptr};
}

// Let the model answer for what was collected; whatever goes wrong there stops all ranks.
Request PairVoxpot::ask(int atoms, bool forces)
{
  Request request = request_of(atoms, forces);
  if (!service.native || atoms > service.native_atoms) {
    if (service.evaluate(handle, &request) != 0) fail(service.message);
    return request;
  }
  if (energies.size() < (size_t) atoms) energies.resize(2 * atoms);
  if (forces && gradient.size() < 3 * count) gradient.resize(4 * count);
  auto answer = [&]() {
    return service.native(service.work, atoms, count, forces, species.data(), first.data(), channel.data(),
                          offset.data(), energies.data(), gradient.data());
  };
  if (const long long most = answer()) {
    if (service.reserve(handle, most) != 0) fail(service.message);
    answer();
  }
  request.energies = energies.data();
  request.gradient = gradient.data();
  return request;
}

void PairVoxpot::compute(int eflag, int vflag)
{
  ev_init(eflag, vflag);
  remembered.clear();
  if (!started) refuse_gaps();
  started = true;
  exclusions.update(kinds);
  const int centres = evaluated = collect_all();
  if (centres == 0) return;    // no atoms on this rank; the forces on its ghosts come from elsewhere
  const Request answer = ask(centres, true);
  double energy = 0.0;
  for (int k = 0; k < answer.atoms; k++) energy += answer.energies[k];
  if (!std::isfinite(energy)) fail("the model says NaN or infinity");
  if (eflag_global) eng_vdwl += energy;
  if (eflag_atom)
    for (int k = 0; k < answer.atoms; k++) eatom[original[k]] += answer.energies[k];
  add_forces(answer);
}

// With g = dE/dd and d from i to j:  f_i += g,  f_j -= g,  and W -= d g, which LAMMPS mostly finds itself
// from positions and forces.
void PairVoxpot::add_forces(const Request &answer)
{
  double *f = atom->f[0], check = 0.0;
  const double *g = answer.gradient;
  for (int k = 0; k < answer.atoms; k++) {
    double *mine = f + 3 * (size_t) original[k], here[3] = {0, 0, 0};
    for (long long p = first[k]; p < first[k + 1]; p++, g += 3) {
      double *there = f + 3 * (size_t) original[neighbour[p]];
      for (int a = 0; a < 3; a++) {
        here[a] += g[a];
        there[a] -= g[a];
      }
    }
    for (int a = 0; a < 3; a++) {
      mine[a] += here[a];
      check += here[a];
    }
  }
  if (!std::isfinite(check)) fail("the model says NaN or infinite forces");
  if (vflag_global == VIRIAL_PAIR || vflag_atom || cvflag_atom) add_virials(answer);
  if (vflag_fdotr) virial_fdotr_compute();
}

// Of every pair, half for either atom.  For centroid stress (heat flux) all of it acts on the neighbour,
// off the centre that owns the energy.
void PairVoxpot::add_virials(const Request &answer)
{
  static const int row[9] = {0, 1, 2, 0, 0, 1, 1, 2, 2}, column[9] = {0, 1, 2, 1, 2, 2, 0, 0, 1};
  const double *d = answer.offset, *g = answer.gradient;
  for (int k = 0; k < answer.atoms; k++)
    for (long long p = first[k]; p < first[k + 1]; p++, d += 3, g += 3) {
      const int i = original[k], j = original[neighbour[p]];
      for (int c = 0; c < 6; c++) {
        const double half = -0.25 * (d[row[c]] * g[column[c]] + d[column[c]] * g[row[c]]);
        if (vflag_global == VIRIAL_PAIR) virial[c] += 2 * half;
        if (!vflag_atom) continue;
        vatom[i][c] += half;
        vatom[j][c] += half;
      }
      for (int c = 0; cvflag_atom && c < 9; c++) cvatom[j][c] -= d[row[c]] * g[column[c]];
    }
}

// ---------------------------------------------------------------------- uncertainty, for fix pair

// fix pair says before a step whether it will look; here it is enough that it looks.
void *PairVoxpot::extract(const char *name, int &dimensions)
{
  dimensions = 0;
  for (const std::string &field : FIELDS)
    if (field + "_flag" == name) return &trigger;
  return nullptr;
}

// extrapolation: the uncertainty of the atom over the largest of the validation frames, above 1 beyond them;
// energies_uncertainty (eV), forces_uncertainty (eV/Angstrom, of a component): one standard deviation.  Of atoms
// that another style computes, and before the first step: 0.
void *PairVoxpot::extract_peratom(const char *name, int &columns)
{
  columns = 0;
  for (size_t k = 0; k < FIELDS.size(); k++) {
    if (FIELDS[k] != name) continue;
    if (evaluated >= 0) estimate();
    return guessed[k].data();
  }
  return nullptr;
}

// Uncertainties of the atoms whose forces were computed last.
void PairVoxpot::estimate()
{
  const int centres = evaluated;
  std::vector<double> answer(FIELDS.size() * centres);
  for (auto &values : guessed) values.assign(std::max(atom->nmax, 1), 0.0);
  if (centres) {
    Request request = request_of(centres, false);
    if (service.estimate(handle, &request, answer.data()) != 0) fail(service.message);
  }
  for (int i = 0; i < centres; i++)
    for (size_t k = 0; k < FIELDS.size(); k++) guessed[k][original[i]] = answer[FIELDS.size() * i + k];
  evaluated = -1;    // the other fields of the same step are there now
}

double PairVoxpot::memory_usage()
{
  const size_t ints = original.capacity() + species.capacity() + neighbour.capacity() + channel.capacity();
  const size_t others = first.capacity() + offset.capacity() + energies.capacity() + gradient.capacity();
  return Pair::memory_usage() + sizeof(int) * ints + sizeof(double) * others;
}

// ---------------------------------------------------------------------- single atoms, for fix sgcmc

// Types and positions that the energy of atom i depends on.
std::vector<double> PairVoxpot::surroundings(int i, const NeighList *neighbours) const
{
  std::vector<double> scene;
  auto add = [&](int j) {
    scene.push_back(atom->type[j]);
    scene.insert(scene.end(), atom->x[j], atom->x[j] + 3);
  };
  add(i);
  for (int k = 0; k < neighbours->numneigh[i]; k++) add(neighbours->firstneigh[i][k] & NEIGHMASK);
  return scene;
}

// The energy of one atom, a ghost maybe.  LAMMPS asks for an atom, then for its neighbours one by one; a call
// that finds nothing remembered asks Python for all of them at once.  An energy is given from
// memory only if nothing it depends on has changed.
double PairVoxpot::compute_atomic_energy(int i, NeighList *neighbours)
{
  if (exclusions.any()) error->one(FLERR, "{}: fix sgcmc does not know atoms that 'neigh_modify exclude' hides", NAME);
  const double needed = 2.0 * cutoff + neighbor->skin;
  if (comm->get_comm_cutoff() < needed)
    error->one(FLERR, "{}: energies of single atoms need neighbours of ghosts; set 'comm_modify cutoff {:.3g}' or more",
               NAME, needed);
  auto found = remembered.find(i);
  if (found != remembered.end() && found->second.scene == surroundings(i, neighbours)) return found->second.energy;

  evaluated = -1;
  count = 0;
  original.assign(1, i);
  first.assign(1, 0);
  const int *jlist = neighbours->firstneigh[i];
  if (i < atom->nlocal)
    for (int k = 0; k < neighbours->numneigh[i]; k++) original.push_back(jlist[k] & NEIGHMASK);
  const int atoms = original.size();
  species.clear();
  for (int k : original) {
    species.push_back(std::max(kinds[atom->type[k]], 0));
    collect(k, neighbours);
    first.push_back(count);
  }
  for (size_t p = 0; p < count; p++) {    // as neighbours, atoms count for their species only
    species.push_back(channel[p]);
    neighbour[p] = species.size() - 1;
  }
  const Request answer = ask(atoms, false);
  for (int k = 0; k < atoms; k++) {
    const int j = original[k];
    const double energy = kinds[atom->type[j]] < 0 ? 0.0 : answer.energies[k];
    if (!std::isfinite(energy)) fail("the model says NaN or infinity");
    remembered[j] = {surroundings(j, neighbours), energy};
  }
  return remembered[i].energy;
}

}    // namespace voxpot
