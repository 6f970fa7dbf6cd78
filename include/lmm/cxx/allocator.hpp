// SPDX-License-Identifier: MIT
/* allocator: an allocator of the standard library; see lmm.hpp. */
#ifndef LMM_CXX_ALLOCATOR_HPP
#define LMM_CXX_ALLOCATOR_HPP

#include <lmm/cxx/family.hpp>

namespace lmm
{
/*
 * An allocator as the standard library defines it, for containers, std::basic_string,
 * std::allocate_shared and others. It has no state: all allocators are equal. One object is a block
 * of the family of T, several are an array (a run) of it. What a container allocates is often not
 * its value_type: the family of a std::map<K, V> is called "std::_Rb_tree_node<...>".
 */
template <class T> class allocator
{
  public:
    using value_type = T;
    using is_always_equal = std::true_type;
    using propagate_on_container_copy_assignment = std::true_type;
    using propagate_on_container_move_assignment = std::true_type;
    using propagate_on_container_swap = std::true_type;

    constexpr allocator() noexcept = default;
    template <class U> constexpr allocator(const allocator<U> &) noexcept
    {
    }

    /* Returns memory for n objects; with n = 0 null. Throws std::bad_array_new_length when they do
     * not fit the address space, std::bad_alloc when there is no memory. */
    T *allocate(std::size_t n)
    {
        if (n > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) / sizeof(T)) {
            detail::impossible_length();
        }
        if (n == 0) {
            return nullptr;
        }
        struct lmm_family *of_t = family<T>();
        return static_cast<T *>(
            detail::insist([=] { return n == 1 ? lmm_alloc(of_t) : lmm_alloc_array(of_t, n); }));
    }
    void deallocate(T *p, std::size_t) noexcept
    {
        lmm_free(p);
    }
};

template <class T, class U>
constexpr bool operator==(const allocator<T> &, const allocator<U> &) noexcept
{
    return true;
}
template <class T, class U>
constexpr bool operator!=(const allocator<T> &, const allocator<U> &) noexcept
{
    return false;
}
} // namespace lmm

#endif
