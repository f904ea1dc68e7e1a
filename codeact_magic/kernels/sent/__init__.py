"""Code that travels as source into a separate kernel.

Knows the inside of an IPython shell. May import only the standard library, `codeact_magic.text` and the modules of this
package, since the kernel may not have our package. Begin reading at `inspector.Inspector`.

inspector    sets up a kernel's shell for actions, and answers questions about its variables
names        the names that code assigned and changed
describe     types, libraries and functions that names stand for
namespace    an outline of the user's variables
handles      recognizes values that are not worth showing
fingerprint  hashes of variables, to compare two kernels
"""
