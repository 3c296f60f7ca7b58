// What the pair style and lammps_plugin/serve.py have in common, where both structures are mirrored.

#ifndef VOXPOT_SERVICE_H
#define VOXPOT_SERVICE_H

namespace voxpot {

struct Request {
  int atoms;    // atoms with energies, the first ones
  int all;      // atoms that pairs refer to
  long long pairs;
  int forces;                       // 0: energies only
  const int *species;               // [all], number of the element in the model
  const long long *first;           // [atoms + 1], the pairs of atom i are first[i] ... first[i + 1] - 1
  const int *neighbour;             // [pairs]
  const double *offset;             // [pairs][3], Angstrom, from centre to neighbour
  const double *energies;           // answer: [atoms], eV
  const double *gradient;           // answer: [pairs][3], dE/doffset, eV/Angstrom
};

// Compiled by Numba, see ase_voxpot/engines/cpu/cfunction.py; 0, or how many neighbours it would need buffers for.
typedef long long (*Native)(const void *work, long long atoms, long long pairs, int forces, const int *species,
                            const long long *first, const int *channel, const double *offset, double *energies,
                            double *gradient);

struct Service {
  int (*open)(const char *model, const char *elements, const char *dtype, const char *device, int ranks);
  int (*evaluate)(int handle, Request *request);
  // answer: [atoms][3], see PairVoxpot::extract_peratom
  int (*estimate)(int handle, Request *request, double *answer);
  int (*reserve)(int handle, long long neighbours);
  void (*close)(int handle);
  // of the model opened last:
  double cutoff;           // Angstrom
  const int *species;      // number in the model of each element of pair_coeff
  Native native;           // answers without Python for so many atoms or fewer
  long long native_atoms;
  const void *work;        // where it works
  char message[2048];      // why the call before returned -1
};

}    // namespace voxpot

#endif
