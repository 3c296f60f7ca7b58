// The Python in this process, or one that is brought into it.  Nothing of Python is linked or included:
// some functions of its stable interface are looked up at run time, in this process if it is a Python,
// else in the shared library that VOXPOT_LIBPYTHON names.  So one plugin serves every Python.

#ifndef VOXPOT_INTERPRETER_H
#define VOXPOT_INTERPRETER_H

#include "service.h"

#include <string>

namespace voxpot {

class Interpreter {
 public:
  // Look its functions up, and start it if it does not run; why not, or nothing.
  std::string find();

  // Let lammps_plugin.serve fill the table of functions; if it cannot, it leaves a message there.
  void connect(Service &service);

 private:
  int (*ensure)() = nullptr;
  void (*release)(int) = nullptr;
  int (*run)(const char *) = nullptr;
};

}    // namespace voxpot

#endif
