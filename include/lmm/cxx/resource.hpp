// SPDX-License-Identifier: MIT
/* resource: a std::pmr::memory_resource, where the standard library has it; see lmm.hpp. */
#ifndef LMM_CXX_RESOURCE_HPP
#define LMM_CXX_RESOURCE_HPP

#include <lmm/cxx/family.hpp>

#if __cplusplus >= 201703L && __has_include(<memory_resource>)
#include <memory_resource>
#endif

#if defined(__cpp_lib_memory_resource)
namespace lmm
{
/*
 * A std::pmr::memory_resource. A request is served from the family of its size class, NAME-SIZE:
 * multiples of 16 bytes up to 128, then four sizes in each doubling up to 8,192. Longer requests
 * are arrays of the family NAME-large, in units of 1 KiB, or of 4 KiB for an alignment above that.
 * So the blocks are exact, and the bytes counted are those of the class. Alignments up to
 * LMM_ALIGN_MAX. Any thread may use a resource; two resources of one name share their families, and
 * any resource can free the blocks of another (all are equal; without RTTI only to themselves).
 */
class memory_resource : public std::pmr::memory_resource
{
  public:
    /* name: copied; cut as the names of types are. */
    explicit memory_resource(const char *name = "pmr") noexcept : name_(name, std::strlen(name), "")
    {
    }
    memory_resource(const memory_resource &) = delete;
    memory_resource &operator=(const memory_resource &) = delete;

  protected:
    void *do_allocate(std::size_t bytes, std::size_t align) override
    {
        if (bytes > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max())) {
            detail::out_of_memory();
        }
        const unsigned index = class_for(bytes == 0 ? 1 : bytes, align);
        return detail::insist([this, bytes, index] {
            struct lmm_family *family = find_class(index);
            const std::size_t unit = class_bytes(index);
            return index < LARGE ? lmm_alloc(family)
                                 : lmm_alloc_array(family, (bytes + unit - 1) / unit);
        });
    }
    void do_deallocate(void *p, std::size_t, std::size_t) override
    {
        lmm_free(p);
    }
    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
    {
#if defined(__cpp_rtti) || defined(__GXX_RTTI)
        return dynamic_cast<const memory_resource *>(&other) != nullptr;
#else
        return this == &other;
#endif
    }

  private:
    enum : unsigned { LINEAR = 8, PER_DOUBLING = 4, LARGE = 32, PAGES = 33, CLASSES = 34 };

    static std::size_t class_bytes(unsigned index) noexcept
    {
        if (index < LINEAR) {
            return 16 * std::size_t(index + 1);
        }
        if (index >= LARGE) {
            return index == LARGE ? 1024 : 4096;
        }
        const std::size_t base = std::size_t(128) << (index - LINEAR) / PER_DOUBLING;
        return base + base / PER_DOUBLING * ((index - LINEAR) % PER_DOUBLING + 1);
    }
    /* The smallest class that has the size and the alignment. */
    static unsigned class_for(std::size_t bytes, std::size_t align)
    {
        unsigned index = bytes <= 128 ? unsigned((bytes - 1) / 16) : LINEAR;

        if (align > LMM_ALIGN_MAX) {
            detail::out_of_memory();
        }
        while (index < LARGE && (class_bytes(index) < bytes ||
                                 detail::strictest_align(class_bytes(index)) < align)) {
            index++;
        }
        return index == LARGE && align > class_bytes(LARGE) ? unsigned(PAGES) : index;
    }
    struct lmm_family *find_class(unsigned index) noexcept
    {
        struct lmm_family *family = __atomic_load_n(&families_[index], __ATOMIC_ACQUIRE);

        if (family != nullptr) {
            return family;
        }
        const std::size_t bytes = class_bytes(index);
        char suffix[32];
        if (index == LARGE) {
            std::snprintf(suffix, sizeof(suffix), "-large");
        } else {
            std::snprintf(suffix, sizeof(suffix), index < LARGE ? "-%zu" : "-large-%zu", bytes);
        }
        const detail::family_name name(name_.text(), std::strlen(name_.text()), suffix);
        return detail::register_family(&families_[index], name.text(), bytes,
                                       detail::strictest_align(bytes));
    }

    detail::family_name name_;
    struct lmm_family *families_[CLASSES] = {}; /* atomic; null until first use */
};
} // namespace lmm
#endif

#endif
