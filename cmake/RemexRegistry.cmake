# remex_registry(kind folder Type header): every <folder>/x.cc is an entry file and defines, as its last lines,
#
#   namespace remex::registry::<kind> {
#   extern const std::span<const Type> x;
#   constinit const std::span<const Type> x{defs};
#   }
#
# (`extern` first: a const object has internal linkage otherwise). The variable is named like the file; a C++ keyword
# or alternative token (and.cc, if.cc) gets an underscore behind it, a dash becomes an underscore. The generated source
# defines `all`, the list of the lists, and is compiled into the library of the room; a file without its descriptor is
# a link error. Helpers beside the entries are named *_util.cc, *internal.cc, *generic.cc, *common.cc, *family.cc or
# live in a folder below; loadable modules are .module.cc.
set(REMEX_RESERVED_WORDS and and_eq bitand bitor bool break case catch char class const continue default delete do
    double else enum explicit export extern false float for friend if inline int long new not operator or private
    protected public return short signed static struct switch template this throw true try typedef union unsigned using
    virtual void volatile while xor)

function(remex_registry kind folder type header)
  file(GLOB entries CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cc)
  list(FILTER entries EXCLUDE REGEX "(_util|internal|generic|common|family|\\.module)\\.cc$")
  list(SORT entries)
  get_filename_component(header_dir ${CMAKE_SOURCE_DIR}/${header} DIRECTORY)
  file(GLOB headers CONFIGURE_DEPENDS ${header_dir}/*.h)
  if(NOT entries AND NOT ${CMAKE_SOURCE_DIR}/${header} IN_LIST headers)
    return()  # neither the interface nor a single entry: the room is not furnished yet
  endif()
  set(decls "")
  set(rows "")
  foreach(entry ${entries})
    get_filename_component(stem ${entry} NAME_WE)
    string(REPLACE "-" "_" stem ${stem})
    if(stem IN_LIST REMEX_RESERVED_WORDS)
      string(APPEND stem "_")
    endif()
    string(APPEND decls "extern const std::span<const ${type}> ${stem};\n")
    string(APPEND rows "    &${stem},\n")
  endforeach()
  set(list_type "std::span<const std::span<const ${type}>* const>")
  set(text "// Generated from the files in ${folder}/.\n#include <span>\n\n#include \"${header}\"\n\n")
  string(APPEND text "namespace remex::registry::${kind} {\n${decls}extern const ${list_type} all;\n")
  if(entries)
    string(APPEND text "static constexpr const std::span<const ${type}>* kRows[] = {\n${rows}};\n")
    string(APPEND text "constinit const ${list_type} all{kRows};\n}\n")
  else()
    string(APPEND text "constinit const ${list_type} all{};\n}\n")
  endif()
  set(out ${CMAKE_BINARY_DIR}/generated/registry_${kind}.cc)
  file(CONFIGURE OUTPUT ${out} CONTENT "${text}" @ONLY)
  # Folders below lang/ and acl/ belong to that room.
  string(REGEX REPLACE "^(lang|acl)/.*$" "\\1" room ${folder})
  string(REPLACE "/" "_" room ${room})
  set_property(GLOBAL APPEND PROPERTY remex_generated_remex_${room} ${out})
endfunction()
