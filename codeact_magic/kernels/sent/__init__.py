"""Code that travels as source into a separate kernel.

Knows the inside of an IPython shell. May import only the standard library, `codeact_magic.text` and the modules of this
package, since the kernel may not have our package. Begin reading at `inspector.Inspector`.

inspector    sets up a kernel's shell for actions, and answers questions about its variables
names        the names that code assigned and changed
namespace    an outline of the user's variables: begin there for how objects are looked at
signatures   functions and classes in an outline
tables       tables and arrays of known libraries in an outline
values       values as short texts
literals     values of plain types
origins      whether an action made a value, or had it from the user
kinds        facts about objects that no code of theirs has a say in
errors       where errors came from, and what they consist of
widgets      widgets as they are at the end of a run
describe     types, libraries and functions that names stand for
handles      recognizes values that are not worth showing
fingerprint  hashes of variables, to compare two kernels
"""
