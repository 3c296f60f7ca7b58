// The door to the pair style, for LAMMPS.  A plugin serves only the LAMMPS whose headers it was compiled with,
// which is checked first.

#include "pair_voxpot.h"

#include <cstdio>
#include <cstring>
#include <dlfcn.h>

using namespace LAMMPS_NS;
using voxpot::NAME;

static Pair *create(LAMMPS *lmp)
{
  return new voxpot::PairVoxpot(lmp);
}

extern "C" {

// what LAMMPS expects of a plugin, see "Writing plugins" in its programmer guide
typedef struct {
  const char *version;
  const char *style;
  const char *name;
  const char *info;
  const char *author;
  union {
    Pair *(*v1)(LAMMPS *);
    void *v2;
  } creator;
  void *handle;
} lammpsplugin_t;

// Only the C interface of LAMMPS is used before its version is known.
__attribute__((visibility("default"))) void lammpsplugin_init(void *lmp, void *handle, void *regfunc)
{
  auto version = (int (*)(void *)) dlsym(RTLD_DEFAULT, "lammps_version");
  auto setting = (int (*)(void *, const char *)) dlsym(RTLD_DEFAULT, "lammps_extract_setting");
  const int found = version ? version(lmp) : 0;
  const bool foreign_mpi = dlsym(RTLD_DEFAULT, "ompi_mpi_comm_world") || !dlsym(RTLD_DEFAULT, "MPI_Init");
  const bool foreign_sizes = !setting || setting(lmp, "bigint") != 8 || setting(lmp, "tagint") != 4;
  if (found != VOXPOT_LAMMPS || foreign_mpi || foreign_sizes) {
    if (!setting || setting(lmp, "world_rank") == 0)
      fprintf(stderr,
              "%s: compiled for the LAMMPS %d of the Python package lammps (with MPICH), but loaded by LAMMPS %d%s; "
              "start the 'lmp' of the Python environment that holds ase-voxpot\n",
              NAME, VOXPOT_LAMMPS, found, foreign_mpi ? " with another MPI" : foreign_sizes ? " with other integers" : "");
    return;
  }
  lammpsplugin_t plugin;
  memset(&plugin, 0, sizeof plugin);
  plugin.version = VOXPOT_LAMMPS_NAME;
  plugin.style = "pair";
  plugin.name = "voxpot";
  plugin.info = "voxel-CNN potentials of ase-voxpot";
  plugin.author = "the ase-voxpot developers";
  plugin.creator.v1 = &create;
  plugin.handle = handle;
  ((void (*)(lammpsplugin_t *, void *)) regfunc)(&plugin, lmp);
}
}
