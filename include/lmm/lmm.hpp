// SPDX-License-Identifier: MIT
/*
 * LMM from C++: header only, on lmm.h and the same library. C++11 and later; memory_resource needs
 * C++17. It works with -fno-rtti and -fno-exceptions.
 *
 *   lmm::allocator<T>          an allocator of the standard library
 *   lmm::make_unique<T>(...)   a T in a std::unique_ptr, counted at the line of the call
 *   lmm::counted<T>            a base class that gives T its own operators new and delete
 *   lmm::memory_resource       a std::pmr::memory_resource
 *   lmm::family<T>()           the family of T, for the functions of lmm.h
 *
 * Families: the family of T is called as the compiler spells T in __PRETTY_FUNCTION__, with all
 * namespaces ("shop::item", "std::pair<const int, shop::item>"), but without "__cxx11::", and with
 * "(anonymous namespace)". Compilers differ in spaces and in the names of integers. A name longer
 * than LMM_NAME_MAX is cut, and ends with "#" and 16 digits, the hash of the whole name. const and
 * volatile are ignored. A family is registered on first use, by any thread, also before main() and
 * after it. LMM_NEW(T) of lmm.h uses the same family if it spells T in the same way.
 *
 * Sites: make_unique() and "new (lmm::location::current()) T" count a block at the line of the
 * call. All other blocks are counted at their family's "(unattributed)" site.
 *
 * Errors: where lmm.h returns NULL, these functions call the new-handler if there is one and memory
 * has run out, and try again; else they throw std::bad_alloc. Without exceptions they abort the
 * program.
 *
 * Memory: an array needs up to 4 bytes for each element beside its elements, so containers of very
 * small elements (a std::basic_string of char) need several times their bytes. For them
 * memory_resource is better.
 */
#ifndef LMM_LMM_HPP
#define LMM_LMM_HPP

#include <lmm/cxx/allocator.hpp>
#include <lmm/cxx/counted.hpp>
#include <lmm/cxx/family.hpp>
#include <lmm/cxx/resource.hpp>
#include <lmm/cxx/unique.hpp>

#endif
