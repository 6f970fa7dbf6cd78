// SPDX-License-Identifier: MIT
/* family: the families of types, their names, and places in the source; see lmm.hpp. */
#ifndef LMM_CXX_FAMILY_HPP
#define LMM_CXX_FAMILY_HPP

#include <lmm/lmm.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <type_traits>

namespace lmm
{
/* A place in the source. current() as a default argument is the place of the call. */
class location
{
  public:
    static location current(const char *file = __builtin_FILE(),
                            const char *function = __builtin_FUNCTION(),
                            std::uint_least32_t line = __builtin_LINE()) noexcept
    {
        return location(file, function, line);
    }
    const char *file() const noexcept
    {
        return file_;
    }
    const char *function() const noexcept
    {
        return function_;
    }
    std::uint_least32_t line() const noexcept
    {
        return line_;
    }

  private:
    location(const char *file, const char *function, std::uint_least32_t line) noexcept
        : file_(file), function_(function), line_(line)
    {
    }
    const char *file_;
    const char *function_;
    std::uint_least32_t line_;
};

/* ---- Used below ------------------------------------------------------------------------------ */

namespace detail
{
[[noreturn]] inline void out_of_memory()
{
#if defined(__cpp_exceptions) || defined(__EXCEPTIONS)
    throw std::bad_alloc();
#else
    std::abort();
#endif
}

[[noreturn]] inline void impossible_length()
{
#if defined(__cpp_exceptions) || defined(__EXCEPTIONS)
    throw std::bad_array_new_length();
#else
    std::abort();
#endif
}

/* Calls allocate() until it returns a block, as operator new does. */
template <class Allocate> void *insist(Allocate allocate)
{
    void *block;

    while ((block = allocate()) == nullptr) {
        std::new_handler relieve = std::get_new_handler();
        if (relieve == nullptr || errno != ENOMEM) {
            out_of_memory();
        }
        relieve();
    }
    return block;
}

/* The name of a family: a text of at most LMM_NAME_MAX bytes, which ends with the suffix. */
class family_name
{
  public:
    family_name(const char *type, std::size_t bytes, const char *suffix) noexcept
        : room_(LMM_NAME_MAX - std::strlen(suffix)), length_(0), hash_(14695981039346656037u)
    {
        for (std::size_t i = 0; i < bytes;) {
            i += add_next(type + i, bytes - i);
        }
        if (length_ > room_) {
            abbreviate();
        }
        std::memcpy(text_ + length_, suffix, std::strlen(suffix) + 1);
    }
    const char *text() const noexcept
    {
        return text_;
    }

  private:
    enum { DIGITS = 16 };

    /* Adds what is next in a type, as all compilers spell it; returns how many bytes that was. */
    std::size_t add_next(const char *type, std::size_t bytes) noexcept
    {
        static const char inline_namespace[] = "__cxx11::";
        static const char unnamed[] = "{anonymous}";

        if (starts_with(type, bytes, inline_namespace)) {
            return sizeof(inline_namespace) - 1;
        }
        if (starts_with(type, bytes, unnamed)) {
            for (const char *c = "(anonymous namespace)"; *c != '\0'; c++) {
                add(*c);
            }
            return sizeof(unnamed) - 1;
        }
        add(*type);
        return starts_with(type, bytes, "> >") ? 2 : 1; /* clang writes ">>" */
    }
    static bool starts_with(const char *type, std::size_t bytes, const char *word) noexcept
    {
        return bytes >= std::strlen(word) && std::memcmp(type, word, std::strlen(word)) == 0;
    }
    void add(char c) noexcept
    {
        if (length_ < room_) {
            text_[length_] = c;
        }
        hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 1099511628211u; /* FNV-1a */
        length_++;
    }
    /* The hash of the whole tells long names with the same start apart. */
    void abbreviate() noexcept
    {
        length_ = room_ - DIGITS - 1;
        while (length_ > 0 && (static_cast<unsigned char>(text_[length_]) & 0xC0) == 0x80) {
            length_--; /* not in the middle of a UTF-8 character */
        }
        std::snprintf(text_ + length_, DIGITS + 2, "#%016llx",
                      static_cast<unsigned long long>(hash_));
        length_ += DIGITS + 1;
    }

    std::size_t room_;
    std::size_t length_; /* may exceed room_ while the name is made */
    std::uint64_t hash_;
    char text_[LMM_NAME_MAX + 1];
};

/* "... [with T = TYPE]" of GCC, "... [T = TYPE]" of clang. */
template <class T> const char *signature() noexcept
{
    return __PRETTY_FUNCTION__;
}

template <class T> family_name name_of(const char *suffix) noexcept
{
    const char *type = std::strstr(signature<T>(), "T = ") + 4;

    return family_name(type, std::strlen(type) - 1, suffix);
}

/* The same text for each call. */
template <class T> const char *type_name() noexcept
{
    static const family_name name = name_of<T>("");

    return name.text();
}

/* Constant-initialised, so it can be used before main(). */
template <class T> struct known {
    static struct lmm_family *family; /* atomic; null until first use */
    static struct lmm_places places;
};
template <class T> struct lmm_family *known<T>::family = nullptr;
template <class T> struct lmm_places known<T>::places = {
    {
        nullptr
    }
};

inline struct lmm_family *register_family(struct lmm_family **known, const char *name,
                                          std::size_t size, std::size_t align) noexcept
{
    struct lmm_family *family = lmm_family_register(name, size, align);

    if (family != nullptr) {
        __atomic_store_n(known, family, __ATOMIC_RELEASE);
    }
    return family;
}

/* The family of T; null with errno when it cannot be registered. */
template <class T> struct lmm_family *find_family() noexcept
{
    static_assert(alignof(T) <= LMM_ALIGN_MAX, "LMM aligns to LMM_ALIGN_MAX bytes at most");
    struct lmm_family *family = __atomic_load_n(&known<T>::family, __ATOMIC_ACQUIRE);

    return family != nullptr
               ? family
               : register_family(&known<T>::family, type_name<T>(), sizeof(T), alignof(T));
}

/* The site of T at that place; null with errno ENOMEM. */
template <class T> struct lmm_site *find_site(const location &at) noexcept
{
    static_assert(alignof(T) <= LMM_ALIGN_MAX, "LMM aligns to LMM_ALIGN_MAX bytes at most");
    const struct lmm_site site = {LMM_SITE_UNKNOWN, 0,         at.line(), at.file(), at.function(),
                                  type_name<T>(),   sizeof(T), alignof(T)};

    return lmm_place_site(&known<T>::places, &site);
}

/* The largest power of two that divides the size: at least the alignment of a type of this size. */
inline std::size_t strictest_align(std::size_t size) noexcept
{
    const std::size_t align = size & (~size + 1);

    return align > LMM_ALIGN_MAX ? static_cast<std::size_t>(LMM_ALIGN_MAX) : align;
}

/* Frees what p points to, unless release() was called: for constructors that throw. */
class block_guard
{
  public:
    explicit block_guard(void *block) noexcept : block_(block)
    {
    }
    block_guard(const block_guard &) = delete;
    block_guard &operator=(const block_guard &) = delete;
    ~block_guard()
    {
        lmm_free(block_);
    }
    void release() noexcept
    {
        block_ = nullptr;
    }

  private:
    void *block_;
};

template <class T> void destroy_last_first(T *elements, std::size_t count) noexcept
{
    while (count > 0) {
        elements[--count].~T();
    }
}

/* Destroys the elements that it has counted, unless release() was called. */
template <class T> class elements_guard
{
  public:
    explicit elements_guard(T *elements) noexcept : elements_(elements), count_(0)
    {
    }
    elements_guard(const elements_guard &) = delete;
    elements_guard &operator=(const elements_guard &) = delete;
    ~elements_guard()
    {
        destroy_last_first(elements_, count_);
    }
    void construct_next()
    {
        ::new (static_cast<void *>(elements_ + count_)) T();
        count_++;
    }
    std::size_t count() const noexcept
    {
        return count_;
    }
    void release() noexcept
    {
        count_ = 0;
    }

  private:
    T *elements_;
    std::size_t count_;
};

/* Where the block of *object starts, which may be of a class derived from T. */
template <class T> void *block_of(T *object, std::true_type) noexcept
{
    return const_cast<void *>(dynamic_cast<const volatile void *>(object));
}
template <class T> void *block_of(T *object, std::false_type) noexcept
{
    return const_cast<void *>(static_cast<const volatile void *>(object));
}
} // namespace detail

/*
 * Returns the family of T, a complete object type; registers it if necessary. Throws std::bad_alloc when it cannot be registered.
 */
template <class T> struct lmm_family *family()
{
    struct lmm_family *found = detail::find_family<typename std::remove_cv<T>::type>();

    if (found == nullptr) {
        detail::out_of_memory();
    }
    return found;
}
} // namespace lmm

#endif
