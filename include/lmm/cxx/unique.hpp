// SPDX-License-Identifier: MIT
/* unique: std::unique_ptr with objects on LMM; see lmm.hpp. */
#ifndef LMM_CXX_UNIQUE_HPP
#define LMM_CXX_UNIQUE_HPP

#include <lmm/cxx/family.hpp>

#include <memory>
#include <utility>

namespace lmm
{
/*
 * Destroys an object, or all elements of an array, and frees its block. A pointer to a derived
 * class may become one to a base class that has a virtual destructor.
 */
template <class T> class deleter
{
  public:
    constexpr deleter() noexcept = default;
    template <class U, class = typename std::enable_if<
                           std::is_convertible<U *, T *>::value &&
                           (std::has_virtual_destructor<T>::value ||
                            std::is_same<typename std::remove_cv<U>::type,
                                         typename std::remove_cv<T>::type>::value)>::type>
    constexpr deleter(const deleter<U> &) noexcept
    {
    }
    void operator()(T *object) const noexcept
    {
        void *block = detail::block_of(object, std::is_polymorphic<T>());
        object->~T();
        lmm_free(block);
    }
};

template <class T> class deleter<T[]>
{
  public:
    constexpr deleter() noexcept = default;
    template <class U,
              class = typename std::enable_if<std::is_convertible<U (*)[], T (*)[]>::value>::type>
    constexpr deleter(const deleter<U[]> &) noexcept
    {
    }
    void operator()(T *elements) const noexcept
    {
        void *block = detail::block_of(elements, std::false_type());
        if (!std::is_trivially_destructible<T>::value) {
            detail::destroy_last_first(elements, lmm_block_count(block));
        }
        lmm_free(block);
    }
};

template <class T> using unique_ptr = std::unique_ptr<T, deleter<T>>;

namespace detail
{
template <class T, class... Arguments>
unique_ptr<T> make_at(const location &at, Arguments &&...arguments)
{
    static_assert(!std::is_array<T>::value, "the length of an array is an argument: T[]");
    using object = typename std::remove_cv<T>::type;
    struct lmm_family *of_t = family<object>();
    struct lmm_site *site = find_site<object>(at);
    void *block = insist([=] { return site != nullptr ? lmm_site_alloc(site) : lmm_alloc(of_t); });
    block_guard guard(block);
    T *made = ::new (block) T(std::forward<Arguments>(arguments)...);

    guard.release();
    return unique_ptr<T>(made);
}

template <class T> struct single {
    using pointer = unique_ptr<T>;
};
template <class T> struct single<T[]> {
};
template <class T, std::size_t N> struct single<T[N]> {
};

template <class T> struct array {
};
template <class T> struct array<T[]> {
    using pointer = unique_ptr<T[]>;
    using element = typename std::remove_cv<T>::type;
};
} // namespace detail

/*
 * Makes a T from the arguments, as std::make_unique does, and counts it at the line of the call (up
 * to eight arguments; with more at "(unattributed)"). Throws std::bad_alloc, and what the
 * constructor of T throws; then nothing is left.
 */
template <class T>
typename detail::single<T>::pointer make_unique(location at = location::current())
{
    return detail::make_at<T>(at);
}
template <class T, class A>
typename detail::single<T>::pointer make_unique(A &&a, location at = location::current())
{
    return detail::make_at<T>(at, std::forward<A>(a));
}
template <class T, class A, class B>
typename detail::single<T>::pointer make_unique(A &&a, B &&b, location at = location::current())
{
    return detail::make_at<T>(at, std::forward<A>(a), std::forward<B>(b));
}
template <class T, class A, class B, class C>
typename detail::single<T>::pointer make_unique(A &&a, B &&b, C &&c,
                                                location at = location::current())
{
    return detail::make_at<T>(at, std::forward<A>(a), std::forward<B>(b), std::forward<C>(c));
}
template <class T, class A, class B, class C, class D>
typename detail::single<T>::pointer make_unique(A &&a, B &&b, C &&c, D &&d,
                                                location at = location::current())
{
    return detail::make_at<T>(at, std::forward<A>(a), std::forward<B>(b), std::forward<C>(c),
                              std::forward<D>(d));
}
template <class T, class A, class B, class C, class D, class E>
typename detail::single<T>::pointer make_unique(A &&a, B &&b, C &&c, D &&d, E &&e,
                                                location at = location::current())
{
    return detail::make_at<T>(at, std::forward<A>(a), std::forward<B>(b), std::forward<C>(c),
                              std::forward<D>(d), std::forward<E>(e));
}
template <class T, class A, class B, class C, class D, class E, class F>
typename detail::single<T>::pointer make_unique(A &&a, B &&b, C &&c, D &&d, E &&e, F &&f,
                                                location at = location::current())
{
    return detail::make_at<T>(at, std::forward<A>(a), std::forward<B>(b), std::forward<C>(c),
                              std::forward<D>(d), std::forward<E>(e), std::forward<F>(f));
}
template <class T, class A, class B, class C, class D, class E, class F, class G>
typename detail::single<T>::pointer make_unique(A &&a, B &&b, C &&c, D &&d, E &&e, F &&f, G &&g,
                                                location at = location::current())
{
    return detail::make_at<T>(at, std::forward<A>(a), std::forward<B>(b), std::forward<C>(c),
                              std::forward<D>(d), std::forward<E>(e), std::forward<F>(f),
                              std::forward<G>(g));
}
template <class T, class A, class B, class C, class D, class E, class F, class G, class H>
typename detail::single<T>::pointer make_unique(A &&a, B &&b, C &&c, D &&d, E &&e, F &&f, G &&g,
                                                H &&h, location at = location::current())
{
    return detail::make_at<T>(at, std::forward<A>(a), std::forward<B>(b), std::forward<C>(c),
                              std::forward<D>(d), std::forward<E>(e), std::forward<F>(f),
                              std::forward<G>(g), std::forward<H>(h));
}
template <class T, class A, class B, class C, class D, class E, class F, class G, class H, class I,
          class... More>
typename detail::single<T>::pointer make_unique(A &&a, B &&b, C &&c, D &&d, E &&e, F &&f, G &&g,
                                                H &&h, I &&i, More &&...more)
{
    using object = typename std::remove_cv<T>::type;
    struct lmm_family *of_t = family<object>();
    void *block = detail::insist([=] { return lmm_alloc(of_t); });
    detail::block_guard guard(block);
    T *made = ::new (block)
        T(std::forward<A>(a), std::forward<B>(b), std::forward<C>(c), std::forward<D>(d),
          std::forward<E>(e), std::forward<F>(f), std::forward<G>(g), std::forward<H>(h),
          std::forward<I>(i), std::forward<More>(more)...);

    guard.release();
    return typename detail::single<T>::pointer(made);
}

/*
 * Makes an array of n value-initialised elements, as one block counted at the line of the call:
 * make_unique<T[]>(n). With n = 0 the pointer is null. Throws std::bad_array_new_length,
 * std::bad_alloc, and what a constructor throws; then nothing is left.
 */
template <class T>
typename detail::array<T>::pointer make_unique(std::size_t n, location at = location::current())
{
    using element = typename detail::array<T>::element;
    struct lmm_family *of_t = family<element>();

    if (n >
        static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) / sizeof(element)) {
        detail::impossible_length();
    }
    if (n == 0) {
        return typename detail::array<T>::pointer();
    }
    struct lmm_site *site = detail::find_site<element>(at);
    void *block = detail::insist(
        [=] { return site != nullptr ? lmm_site_calloc(site, n) : lmm_calloc(of_t, n); });
    detail::block_guard block_guard(block);
    element *elements = static_cast<element *>(block);
    detail::elements_guard<element> elements_guard(elements);
    while (elements_guard.count() < n) {
        elements_guard.construct_next();
    }
    elements_guard.release();
    block_guard.release();
    return typename detail::array<T>::pointer(elements);
}
} // namespace lmm

#endif
