// SPDX-License-Identifier: MIT
/* counted: classes with an operator new of their own; see lmm.hpp. */
#ifndef LMM_CXX_COUNTED_HPP
#define LMM_CXX_COUNTED_HPP

#include <lmm/cxx/family.hpp>

namespace lmm
{
namespace detail
{
struct nothing {
};

/* Families of one class by size; each entry is added once and stays. */
struct sized_families {
    enum { ENTRIES = 8 };
    struct {
        std::size_t size;          /* atomic; 0: unused */
        struct lmm_family *family; /* atomic; null until it is registered */
    } entry[ENTRIES];
};

/* What a family of T is for that has another unit than T. */
enum class sized_kind { derived, array, array_of_units };

inline void put_suffix(char *suffix, std::size_t bytes, sized_kind kind, std::size_t size) noexcept
{
    switch (kind) {
    case sized_kind::derived: std::snprintf(suffix, bytes, " (derived, %zu)", size); break;
    case sized_kind::array: std::snprintf(suffix, bytes, "[]"); break;
    case sized_kind::array_of_units: std::snprintf(suffix, bytes, "[] (%zu)", size); break;
    }
}

/* A family of T with that unit, from the table, or, when that is full, from LMM. Null with errno
 * when it cannot be registered. */
template <class T>
struct lmm_family *find_sized(sized_families *table, std::size_t size, std::size_t align,
                              sized_kind kind) noexcept
{
    struct lmm_family *unlisted = nullptr;
    struct lmm_family **known = &unlisted;

    for (auto &entry : table->entry) {
        std::size_t found = __atomic_load_n(&entry.size, __ATOMIC_ACQUIRE);
        if (found == 0 && __atomic_compare_exchange_n(&entry.size, &found, size, false,
                                                      __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            found = size;
        }
        if (found == size) {
            known = &entry.family;
            break;
        }
    }
    struct lmm_family *family = __atomic_load_n(known, __ATOMIC_ACQUIRE);
    if (family != nullptr) {
        return family;
    }
    char suffix[40];
    put_suffix(suffix, sizeof(suffix), kind, size);
    return register_family(known, name_of<T>(suffix).text(), size, align);
}
} // namespace detail

/*
 * A base class that gives T operators new and delete on LMM:
 *
 *     class shape : public lmm::counted<shape> { ... };
 *     class circle : public lmm::counted<circle, shape> { ... };
 *
 * Base: the class that T derives from through counted; it keeps its constructors.
 *
 * What is counted: one T is a block of the family of T. A class derived from T that has no
 * counted<> of its own, and another size than T, has the family "T (derived, SIZE)" for each size;
 * one that adds no members is counted as T. An array of a trivially destructible T is an array of
 * the family of T. Other arrays, which begin with the compiler's count of elements, are of the
 * family "T[]" (or "T[] (16)"), whose unit is the alignment, so their bytes are exact.
 *
 * All forms of new can be used: nothrow (null without memory), over-aligned up to LMM_ALIGN_MAX, in
 * place (no allocation), and new (lmm::location::current()) T, which counts a T at that line.
 */
template <class T, class Base = detail::nothing> class counted : public Base
{
  public:
    using Base::Base;

    static void *operator new(std::size_t size)
    {
        return detail::insist([=] { return allocate_one(size, 1); });
    }
    static void *operator new(std::size_t size, const std::nothrow_t &) noexcept
    {
        return allocate_one(size, 1);
    }
    static void *operator new(std::size_t size, location at)
    {
        return detail::insist([=] { return allocate_at(size, at); });
    }
    static void *operator new(std::size_t, void *place) noexcept
    {
        return place;
    }
    static void *operator new[](std::size_t size)
    {
        return detail::insist([=] { return allocate_array(size, 1); });
    }
    static void *operator new[](std::size_t size, const std::nothrow_t &) noexcept
    {
        return allocate_array(size, 1);
    }
    static void *operator new[](std::size_t, void *place) noexcept
    {
        return place;
    }

    static void operator delete(void *p) noexcept
    {
        lmm_free(p);
    }
    static void operator delete(void *p, std::size_t) noexcept
    {
        lmm_free(p);
    }
    static void operator delete(void *p, const std::nothrow_t &) noexcept
    {
        lmm_free(p);
    }
    static void operator delete(void *p, location) noexcept
    {
        lmm_free(p);
    }
    static void operator delete(void *, void *) noexcept
    {
    }
    static void operator delete[](void *p) noexcept
    {
        lmm_free(p);
    }
    static void operator delete[](void *p, const std::nothrow_t &) noexcept
    {
        lmm_free(p);
    }
    static void operator delete[](void *, void *) noexcept
    {
    }

#if defined(__cpp_aligned_new)
    static void *operator new(std::size_t size, std::align_val_t align)
    {
        return detail::insist([=] { return allocate_one(size, std::size_t(align)); });
    }
    static void *operator new(std::size_t size, std::align_val_t align,
                              const std::nothrow_t &) noexcept
    {
        return allocate_one(size, std::size_t(align));
    }
    static void *operator new[](std::size_t size, std::align_val_t align)
    {
        return detail::insist([=] { return allocate_array(size, std::size_t(align)); });
    }
    static void *operator new[](std::size_t size, std::align_val_t align,
                                const std::nothrow_t &) noexcept
    {
        return allocate_array(size, std::size_t(align));
    }
    static void operator delete(void *p, std::align_val_t) noexcept
    {
        lmm_free(p);
    }
    static void operator delete(void *p, std::align_val_t, const std::nothrow_t &) noexcept
    {
        lmm_free(p);
    }
    static void operator delete[](void *p, std::align_val_t) noexcept
    {
        lmm_free(p);
    }
    static void operator delete[](void *p, std::align_val_t, const std::nothrow_t &) noexcept
    {
        lmm_free(p);
    }
#endif

  private:
    static void *allocate_one(std::size_t size, std::size_t align) noexcept
    {
        if (size == sizeof(T) && align <= alignof(T)) {
            return lmm_alloc(detail::find_family<T>());
        }
        return lmm_alloc(find_derived(size, align));
    }
    static void *allocate_at(std::size_t size, const location &at) noexcept
    {
        struct lmm_site *site = size == sizeof(T) ? detail::find_site<T>(at) : nullptr;

        return site != nullptr ? lmm_site_alloc(site) : allocate_one(size, 1);
    }
    static struct lmm_family *find_derived(std::size_t size, std::size_t align) noexcept
    {
        static detail::sized_families derived;
        const std::size_t whole = (size + align - 1) & ~(align - 1);
        const std::size_t strictest = detail::strictest_align(whole);

        return detail::find_sized<T>(&derived, whole, align > strictest ? align : strictest,
                                     detail::sized_kind::derived);
    }
    static void *allocate_array(std::size_t size, std::size_t align) noexcept
    {
        static detail::sized_families arrays;

        if (std::is_trivially_destructible<T>::value && size % sizeof(T) == 0 &&
            align <= alignof(T)) {
            return lmm_alloc_array(detail::find_family<T>(), size / sizeof(T));
        }
        const std::size_t unit = array_unit(size, align);
        const auto kind =
            unit == alignof(T) ? detail::sized_kind::array : detail::sized_kind::array_of_units;
        struct lmm_family *family = detail::find_sized<T>(&arrays, unit, unit, kind);
        return lmm_alloc_array(family, (size + unit - 1) / unit);
    }
    /* The elements may be of a derived class, whose alignment divides the size. */
    static std::size_t array_unit(std::size_t size, std::size_t align) noexcept
    {
        const std::size_t usual = alignof(std::max_align_t);
        std::size_t unit = alignof(T) < align ? align : alignof(T);

        return unit < usual && size % usual == 0 ? usual : unit;
    }
};
} // namespace lmm

#endif
