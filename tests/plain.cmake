# SPDX-License-Identifier: MIT
# With another C library than glibc (the preset musl): the folders whose tests need only the typed library. Those in C++
# are left out, because the C++ library is glibc's.
add_library(plain_criterion STATIC support/plain/criterion.c)
target_include_directories(plain_criterion SYSTEM PUBLIC support/plain)
set(lmm_criterion plain_criterion)

# The tests of unwinding look at their own program; musl-gcc leaves the index of unwind tables out.
add_link_options(-Wl,--eh-frame-hdr)

foreach(folder IN ITEMS unit/glthread unit/lib unit/api unit/mems mems classic exit stress property death)
    add_subdirectory(${folder})
endforeach()
