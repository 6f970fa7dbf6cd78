/* SPDX-License-Identifier: MIT */
/* What a source line says about the type of a block; texts that are no source. */
#include "reporter/program/types/statement.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_MAX = 2048,
    LONG_BYTES = 1 << 20,
};

static const char *const kinds[] = {
    [LMM_STATEMENT_SIZEOF] = "sizeof",   [LMM_STATEMENT_SIZEOF_AT] = "at",
    [LMM_STATEMENT_CAST] = "cast",       [LMM_STATEMENT_NEW] = "new",
    [LMM_STATEMENT_DECLARED] = "decl",   [LMM_STATEMENT_ASSIGNED] = "to",
    [LMM_STATEMENT_RETURNED] = "return",
};

struct a_case {
    const char *source;
    uint32_t line;
    const char *allocator;
    const char *
        hints; /* "KIND TEXT", with [] for an array, + for more and ? for a choice, parted by "; " */
};

/* Writes the hints of a line as one text. */
static void write_hints(const char *source, size_t bytes, uint32_t line, const char *allocator,
                        uint32_t output, char ret_text[TEXT_MAX])
{
    struct lmm_statement_hint hints[LMM_STATEMENT_HINTS_MAX];
    size_t count = lmm_statement_find(source, bytes, line, allocator, output, hints);
    size_t used = 0;

    cr_assert_leq(count, (size_t) LMM_STATEMENT_HINTS_MAX);
    ret_text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        used +=
            (size_t) snprintf(ret_text + used, TEXT_MAX - used, "%s%s%s%s%s%s%s", i > 0 ? "; " : "",
                              kinds[hints[i].kind], hints[i].text[0] != '\0' ? " " : "",
                              hints[i].text, hints[i].is_array ? "[]" : "",
                              hints[i].has_more ? "+" : "", hints[i].is_choice ? "?" : "");
        cr_assert_lt(used, (size_t) TEXT_MAX);
    }
}

static void check(const struct a_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[TEXT_MAX];

        write_hints(cases[i].source, strlen(cases[i].source), cases[i].line, cases[i].allocator, 0,
                    text);
        cr_expect_str_eq(text, cases[i].hints, "case %zu: %s\n  found    %s\n  expected %s", i,
                         cases[i].source, text, cases[i].hints);
    }
}

#define CHECK(cases) check(cases, sizeof(cases) / sizeof((cases)[0]))

Test(statement, sizeof_tells_the_type)
{
    static const struct a_case cases[] = {
        {"p = malloc(sizeof(struct node));", 1, "malloc", "sizeof struct node; to p"},
        {"p = malloc(sizeof (struct node));", 1, "malloc", "sizeof struct node; to p"},
        {"p = malloc(sizeof(node_t));", 1, "malloc", "sizeof node_t; to p"},
        {"p = malloc(sizeof(const struct node));", 1, "malloc", "sizeof struct node; to p"},
        {"p = malloc(sizeof(unsigned   long\tint));", 1, "malloc",
         "sizeof unsigned long int; to p"},
        {"p = malloc(sizeof(union value));", 1, "malloc", "sizeof union value; to p"},
        {"p = malloc(sizeof(enum kind));", 1, "malloc", "sizeof enum kind; to p"},
        {"p = malloc(sizeof(struct node *));", 1, "malloc", "sizeof struct node *; to p"},
        {"p = malloc(sizeof(char **));", 1, "malloc", "sizeof char **; to p"},
        {"p = malloc(sizeof x);", 1, "malloc", "sizeof x; to p"},
        {"p = malloc(sizeof(((x))));", 1, "malloc", "sizeof x; to p"},
        {"p = malloc(sizeof(ns::node));", 1, "malloc", "sizeof ns::node; to p"},
        {"p = malloc(sizeof(std::pair<int,T>));", 1, "malloc", "sizeof std::pair<int, T>; to p"},
        {"p = malloc(sizeof(typename X::node));", 1, "malloc", "sizeof X::node; to p"},
        {"p = malloc(sizeof(class node));", 1, "malloc", "sizeof node; to p"},
        {"p = malloc(sizeof(struct node[4]));", 1, "malloc", "sizeof struct node[]; to p[]"},
        {"p = malloc(sizeof(Node[4]));", 1, "malloc", "sizeof Node[]; to p[]"},
        {"p = malloc(sizeof(char *[4]));", 1, "malloc", "sizeof char *[]; to p[]"},
        {"p = malloc(sizeof(struct { int a; }));", 1, "malloc", "to p"},
        {"p = malloc(sizeof(struct node { int a; }));", 1, "malloc", "to p"},
        {"p = malloc(sizeof(\"text\"));", 1, "malloc", "to p"},
        {"p = malloc(sizeof(void (*)(int)));", 1, "malloc", "to p"},
        {"p = malloc(sizeof...(T));", 1, "malloc", "to p"},
        {"p = malloc(sizeof(typeof(*q)));", 1, "malloc", "at *q; to p"},
        {"p = malloc(sizeof(__typeof__(struct node)));", 1, "malloc", "sizeof struct node; to p"},
        {"p = (struct node *)malloc((unsigned) sizeof(struct node));", 1, "malloc",
         "sizeof struct node; cast struct node; to p"},
    };

    CHECK(cases);
}

Test(statement, sizeof_of_an_expression_keeps_it)
{
    static const struct a_case cases[] = {
        {"p = malloc(sizeof *p);", 1, "malloc", "at *p; to p"},
        {"p = malloc(sizeof(*p));", 1, "malloc", "at *p; to p"},
        {"p = malloc(sizeof **p);", 1, "malloc", "at **p; to p"},
        {"p = malloc(sizeof(p[0]));", 1, "malloc", "at p[0]; to p"},
        {"p = malloc(sizeof p[0]);", 1, "malloc", "at p[0]; to p"},
        {"p = malloc(sizeof(Node[0]));", 1, "malloc", "at Node[0]; to p"},
        {"p = malloc(sizeof(* a -> b));", 1, "malloc", "at *a->b; to p"},
        {"p = malloc(sizeof(a->b));", 1, "malloc", "at a->b; to p"},
        {"p = malloc(sizeof *a->b[i].c);", 1, "malloc", "at *a->b[i].c; to p"},
        {"p = malloc(sizeof(a)->b);", 1, "malloc", "at (a)->b; to p"},
        {"p = malloc(sizeof(((struct node *)0)->key));", 1, "malloc",
         "at ((struct node*)0)->key; to p"},
        {"p = malloc(sizeof(&p));", 1, "malloc", "to p"},
        {"p = malloc(n * sizeof *p);", 1, "malloc", "at *p[]; to p[]"},
        {"p = malloc(sizeof *p * n);", 1, "malloc", "at *p[]; to p[]"},
    };

    CHECK(cases);
}

Test(statement, sizes_tell_arrays_and_headers)
{
    static const struct a_case cases[] = {
        {"p = malloc(n * sizeof(T));", 1, "malloc", "sizeof T[]; to p[]"},
        {"p = malloc(sizeof(T) * (n + 1));", 1, "malloc", "sizeof T[]; to p[]"},
        {"p = malloc((n + 1) * sizeof(T));", 1, "malloc", "sizeof T[]; to p[]"},
        {"p = malloc(1 * sizeof(T));", 1, "malloc", "sizeof T; to p"},
        {"p = malloc((size_t) n * sizeof(T));", 1, "malloc", "sizeof T[]; to p[]"},
        {"p = malloc(sizeof(T) << 4);", 1, "malloc", "sizeof T[]; to p[]"},
        {"p = malloc(sizeof(T) + n);", 1, "malloc", "sizeof T+; to p+"},
        {"p = malloc(sizeof(T) - 1 + n);", 1, "malloc", "sizeof T+; to p+"},
        {"p = malloc(sizeof(T) + n * sizeof(U));", 1, "malloc", "sizeof T+; to p+"},
        {"p = malloc(n * sizeof(U) + sizeof(T));", 1, "malloc", "sizeof T+; to p+"},
        {"p = malloc(sizeof(T) + sizeof(T) * n);", 1, "malloc", "sizeof T[]+; to p[]+"},
        {"p = malloc((sizeof(T) + 7) * n);", 1, "malloc", "sizeof T[]+; to p[]+"},
        {"p = malloc((sizeof(T) + 15) & ~15);", 1, "malloc", "sizeof T+; to p+"},
        {"p = malloc(round_up(sizeof(T), 16));", 1, "malloc", "sizeof T+; to p+"},
        {"p = malloc(sizeof(a) / sizeof(a[0]));", 1, "malloc", "to p"},
        {"p = malloc(sizeof(a) / sizeof(a[0]) * sizeof(T));", 1, "malloc", "to p[]"},
        {"p = malloc(c ? sizeof(A) : sizeof(B));", 1, "malloc", "to p"},
        {"p = malloc(n < sizeof(T) ? 8 : n);", 1, "malloc", "to p"},
        {"p = malloc(n * 4);", 1, "malloc", "to p[]"},
        {"p = calloc(1, sizeof(T));", 1, "calloc", "sizeof T; to p"},
        {"p = calloc(n, sizeof(T));", 1, "calloc", "sizeof T[]; to p[]"},
        {"p = calloc(sizeof(T), n);", 1, "calloc", "sizeof T[]; to p[]"},
        {"p = calloc(sizeof(T), 1);", 1, "calloc", "sizeof T; to p"},
        {"p = calloc(1, sizeof(T) + n);", 1, "calloc", "sizeof T+; to p+"},
        {"p = calloc(sizeof(A), sizeof(B));", 1, "calloc", "to p[]"},
        {"p = zcalloc(sizeof(T));", 1, "zcalloc", "sizeof T; to p"},
        {"p = realloc(p, n * sizeof(*p));", 1, "realloc", "at *p[]; to p[]"},
        {"q = reallocarray(p, n, sizeof(*p));", 1, "reallocarray", "at *p[]; to q[]"},
        {"p = reallocarray(p, 1, sizeof(T));", 1, "reallocarray", "sizeof T; to p"},
        {"p = aligned_alloc(64, sizeof(T));", 1, "aligned_alloc", "sizeof T; to p"},
        {"p = aligned_alloc(sizeof(void *), sizeof(T));", 1, "aligned_alloc", "sizeof T; to p"},
        {"posix_memalign((void **) &p, sizeof(void *), sizeof(T));", 1, "posix_memalign",
         "sizeof T"},
        {"p = g_malloc_n(n, sizeof(T));", 1, "g_malloc_n", "sizeof T[]; to p[]"},
        {"p = new_table(sizeof(struct key), sizeof(struct value));", 1, "new_table", "to p"},
        {"p = strdup(text);", 1, "strdup", "to p"},
    };

    CHECK(cases);
}

Test(statement, the_result_says_what_it_is)
{
    static const struct a_case cases[] = {
        {"struct node *p = malloc(n);", 1, "malloc", "decl struct node"},
        {"const node_t *const p = malloc(n);", 1, "malloc", "decl node_t"},
        {"static struct node volatile *p = malloc(n);", 1, "malloc", "decl struct node"},
        {"unsigned char *p = malloc(n);", 1, "malloc", "decl unsigned char"},
        {"struct node **p = malloc(n * sizeof(*p));", 1, "malloc", "at *p[]; decl struct node *[]"},
        {"void *p = malloc(n);", 1, "malloc", ""},
        {"auto p = malloc(n);", 1, "malloc", "to p"},
        {"const auto *p = malloc(n);", 1, "malloc", "to p"},
        {"NodePtr p = malloc(n);", 1, "malloc", "to p"},
        {"std::vector<int, A> *p = get(n);", 1, "get", "decl std::vector<int, A>"},
        {"struct node *a = NULL, *b = malloc(n);", 1, "malloc", "decl struct node"},
        {"struct node *a = f(1, 2), **b = malloc(n);", 1, "malloc", "decl struct node *"},
        {"a = 1, b = malloc(n);", 1, "malloc", "to b"},
        {"p->next = malloc(n);", 1, "malloc", "to p->next"},
        {"(*p).list[i + 1] = malloc(n);", 1, "malloc", "to (*p).list[i+1]"},
        {"*out = malloc(n);", 1, "malloc", "to *out"},
        {"**out = malloc(n);", 1, "malloc", "to **out"},
        {"this->head = malloc(n);", 1, "malloc", "to this->head"},
        {"a = b = malloc(n);", 1, "malloc", "to b; to a"},
        {"struct node *a = b = malloc(n);", 1, "malloc", "decl struct node; to b"},
        {"p = (struct node *) malloc(n);", 1, "malloc", "cast struct node; to p"},
        {"p = (struct node *)(void *)malloc(n);", 1, "malloc", "cast struct node; to p"},
        {"p = ((struct node *) (malloc(n)));", 1, "malloc", "cast struct node; to p"},
        {"p = (char *) malloc(n) + 16;", 1, "malloc", "cast char"},
        {"p = malloc(n) + 16;", 1, "malloc", ""},
        {"p = (NodePtr) malloc(n);", 1, "malloc", "to p"},
        {"p = static_cast<struct node *>(malloc(n));", 1, "malloc", "cast struct node; to p"},
        {"p = reinterpret_cast<ns::node *>(std::malloc(n));", 1, "malloc", "cast ns::node; to p"},
        {"return malloc(n);", 1, "malloc", "return"},
        {"return (struct node *) malloc(n);", 1, "malloc", "cast struct node; return"},
        {"return ::malloc(n);", 1, "malloc", "return"},
        {"p = c ? malloc(n) : NULL;", 1, "malloc", "to p"},
        {"p = c ? NULL : malloc(n);", 1, "malloc", "to p"},
        {"return c ? NULL : malloc(n);", 1, "malloc", "return"},
        {"return p ?: malloc(n);", 1, "malloc", "return"},
        {"struct node *a = *b = malloc(n);", 1, "malloc", "decl struct node; to *b"},
        {"struct { int a; } *p = malloc(n);", 1, "malloc", "to p"},
        {"void (**p)(void) = malloc(n);", 1, "malloc", ""},
        {"struct node (*p)[4] = malloc(n);", 1, "malloc", ""},
        {"if (x) { } *p = malloc(n);", 1, "malloc", "to *p"},
        {"use(malloc(n));", 1, "malloc", ""},
        {"use(p = malloc(n), 3);", 1, "malloc", "to p"},
        {"struct s x = { .p = malloc(n) };", 1, "malloc", ""},
        {"p = pool->alloc(pool, n);", 1, "alloc", "to p"},
        {"p = get()->pool[3].alloc(n);", 1, "alloc", "to p"},
        {"__attribute__((unused)) struct node *p = malloc(n);", 1, "malloc", "decl struct node"},
        {"[[maybe_unused]] struct node *p = malloc(n);", 1, "malloc", "decl struct node"},
        {"__typeof__(q) p = malloc(n);", 1, "malloc", "to p"},
        {"x += (long) malloc(n);", 1, "malloc", ""},
        {"malloc(n);", 1, "malloc", ""},
    };

    CHECK(cases);
}

Test(statement, statements_have_borders)
{
    static const struct a_case cases[] = {
        {"if ((p = malloc(n)) == NULL) {\n    return;\n}", 1, "malloc", "to p"},
        {"if (!(p = malloc(n)))", 1, "malloc", "to p"},
        {"if (x) p = malloc(n);", 1, "malloc", "to p"},
        {"if (x)\n    p = malloc(n);\nelse\n    q = malloc(m);", 2, "malloc", "to p"},
        {"if (x)\n    p = malloc(n);\nelse\n    q = malloc(m);", 4, "malloc", "to q"},
        {"if (x) p = malloc(n); else q = malloc(n);", 1, "malloc", ""},
        {"else if (x) *p = malloc(n);", 1, "malloc", "to *p"},
        {"for (p = malloc(n); p; p = p->next) { }", 1, "malloc", "to p"},
        {"for (struct node *p = malloc(n); p;) { }", 1, "malloc", "decl struct node"},
        {"while ((p = malloc(n)) != NULL) { }", 1, "malloc", "to p"},
        {"do p = malloc(n); while (0);", 1, "malloc", "to p"},
        {"case 3: p = malloc(n);", 1, "malloc", "to p"},
        {"case A::b: p = malloc(n);", 1, "malloc", "to p"},
        {"default: p = malloc(n);", 1, "malloc", "to p"},
        {"again: p = malloc(n);", 1, "malloc", "to p"},
        {"for_each(a, b) p = malloc(n);", 1, "malloc", "to p"},
        {"f(); p = malloc(n); g();", 1, "malloc", "to p"},
        {"void f(void) { p = malloc(n); }", 1, "malloc", "to p"},
        {"char *malloc();\nmain(argc, argv)\nchar **argv;\n{ p = (struct t *) malloc(n); }", 4,
         "malloc", "cast struct t; to p"},
        {"run([&] { p = malloc(n); });", 1, "malloc", "to p"},
        {"p = malloc(\n    sizeof(struct node)\n);\nq = malloc(3);", 1, "malloc",
         "sizeof struct node; to p"},
        {"p = malloc(\n    sizeof(struct node)\n);\nq = malloc(3);", 2, "malloc",
         "sizeof struct node; to p"},
        {"p = malloc(\n    sizeof(struct node)\n);\nq = malloc(3);", 3, "malloc",
         "sizeof struct node; to p"},
        {"p =\n\n    malloc(n);", 1, "malloc", "to p"},
        {"p = malloc(n)\n;\nq;", 2, "malloc", "to p"},
        {"p = malloc(n);\nq;", 2, "malloc", ""},
        {"p = malloc(n), q = malloc(n);", 1, "malloc", ""},
        {"if (!(a = malloc(sizeof(T))) || !(b = malloc(sizeof(T))))", 1, "malloc", "sizeof T"},
        {"if (!(a = malloc(sizeof(T))) ||\n    !(b = malloc(sizeof(U))))", 2, "malloc",
         "sizeof U; to b"},
        {"if (!(a = malloc(sizeof(T))) || !(b = malloc(sizeof(U))))", 1, "malloc", ""},
        {"p = malloc(sizeof(T)); q = calloc(1, sizeof(U));", 1, "calloc", "sizeof U; to q"},
        {"p = x;", 1, "malloc", ""},
        {"p = malloc;", 1, "malloc", ""},
        {"p = malloc(n);", 0, "malloc", ""},
        {"p = malloc(n);", 2, "malloc", ""},
    };

    CHECK(cases);
}

Test(statement, outputs_are_where_an_argument_points)
{
    static const struct {
        const char *source;
        uint32_t output;
        const char *allocator;
        const char *hints;
    } cases[] = {
        {"posix_memalign((void **) &p, 64, n);", 1, "posix_memalign", "to p"},
        {"int e = posix_memalign((void**)&a->b[i], 64, n);", 1, "posix_memalign", "to a->b[i]"},
        {"e = posix_memalign(&p, 64, sizeof(T));", 1, "posix_memalign", "sizeof T; to p"},
        {"posix_memalign(&p, sizeof(void *), n * sizeof(T));", 1, "posix_memalign",
         "sizeof T[]; to p[]"},
        {"if (get((void **) ret_p, n))", 1, "get", "to *ret_p"},
        {"if (get(n, (void **) (&(p->q))))", 2, "get", "to p->q"},
        {"get(reinterpret_cast<void **>(&p), n);", 1, "get", "to p"},
        {"get(static_cast<void **>(q), n);", 1, "get", "to *q"},
        {"get(((void **) (blocks)), n);", 1, "get", "to *blocks"},
        {"get(&(*p)->q, n);", 1, "get", "to (*p)->q"},
        {"get(p + 1, n);", 1, "get", ""},
        {"get(&p, n);", 3, "get", ""},
        {"get(find(&p), n);", 1, "get", ""},
        {"get((p), n);", 1, "get", "to *p"},
        {"GET_ALLOC(&p, n);", 1, "get", ""},
        {"p = get(&q, n);", 0, "get", "to p"},
        {"get((T) &p, n);", 1, "get", ""},
        {"get((), n);", 1, "get", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[TEXT_MAX];

        write_hints(cases[i].source, strlen(cases[i].source), 1, cases[i].allocator,
                    cases[i].output, text);
        cr_expect_str_eq(text, cases[i].hints, "%s: %s", cases[i].source, text);
    }
}

Test(statement, comments_and_literals_are_skipped)
{
    static const struct a_case cases[] = {
        {"/* q = malloc(sizeof(U)); */ p = malloc(sizeof(T));", 1, "malloc", "sizeof T; to p"},
        {"p = malloc(sizeof(T)); // q = malloc(sizeof(U));", 1, "malloc", "sizeof T; to p"},
        {"p = malloc(sizeof(T)); // \\\nq = malloc(sizeof(U));", 1, "malloc", "sizeof T; to p"},
        {"f(\"malloc(sizeof(U)) \\\" ;\"); p = malloc(sizeof(T));", 1, "malloc", "sizeof T; to p"},
        {"f(';', '\\'', '\"'); p = malloc(sizeof(T));", 1, "malloc", "sizeof T; to p"},
        {"f(R\"x(\" ) malloc(3) )x\"); p = malloc(sizeof(T));", 1, "malloc", "sizeof T; to p"},
        {"f(u8R\"(\n\n)\");\np = malloc(sizeof(T));", 4, "malloc", "sizeof T; to p"},
        {"isn't it /* so */ here */ p = malloc(sizeof(T));", 1, "malloc", "sizeof T; to p"},
        {"f(\"a\\\nb\"); p = malloc(sizeof(T));", 2, "malloc", "sizeof T; to p"},
        {"#define X malloc(3)\np = malloc(sizeof(T));", 2, "malloc", "sizeof T; to p"},
        {"#define X \\\n  malloc(3)\np = malloc(sizeof(T));", 3, "malloc", "sizeof T; to p"},
        {"#define X \\\n  malloc(3)\np = malloc(sizeof(T));", 2, "malloc", ""},
        {"#define X /* \n */ malloc(3)\np = malloc(sizeof(T));", 3, "malloc", "sizeof T; to p"},
        {"p = malloc(\n#ifdef A\n  sizeof(T)\n#endif\n);", 1, "malloc", "sizeof T; to p"},
        {"p = mal\\\nloc(3);", 1, "malloc", ""},
        {"p = malloc\\\n(sizeof(T));", 1, "malloc", "sizeof T; to p"},
        {"x = 1'000'000; p = malloc(sizeof(T));", 1, "malloc", "sizeof T; to p"},
        {"p = malloc(sizeof(T));\r\nq = 1;\r\n", 1, "malloc", "sizeof T; to p"},
    };

    CHECK(cases);
}

Test(statement, new_names_the_type)
{
    static const struct a_case cases[] = {
        {"p = new T;", 1, "operator new(unsigned long)", "new T; to p"},
        {"p = new T();", 1, "_Znwm", "new T; to p"},
        {"p = new T{1, 2};", 1, "operator new", "new T; to p"},
        {"T *p = new T(1);", 1, "operator new", "new T; decl T"},
        {"auto p = new ns::T<int>(1);", 1, "operator new", "new ns::T<int>; to p"},
        {"auto *p = new const struct node;", 1, "operator new", "new struct node; to p"},
        {"p = new T[n];", 1, "operator new[](unsigned long)", "new T[]; to p[]"},
        {"p = new T[1];", 1, "operator new[]", "new T; to p"},
        {"p = new T[n]();", 1, "operator new[]", "new T[]; to p[]"},
        {"p = new T *[n];", 1, "operator new[]", "new T *[]; to p[]"},
        {"p = new unsigned char[n][4];", 1, "operator new[]", "new unsigned char[]; to p[]"},
        {"p = new (std::nothrow) T;", 1, "operator new", "new T; to p"},
        {"p = new (std::align_val_t(64)) T(3);", 1, "operator new", "new T; to p"},
        {"p = new (buffer) T;", 1, "operator new", ""},
        {"p = new (&x) T(3);", 1, "operator new", ""},
        {"p = new (T);", 1, "operator new", "new T; to p"},
        {"p = new auto(3);", 1, "operator new", ""},
        {"p = ::new T;", 1, "operator new", "new T; to p"},
        {"return new T(x);", 1, "operator new", "new T; return"},
        {"std::unique_ptr<T> p(new U);", 1, "operator new", "new U"},
        {"list.push_back(new T(a, b));", 1, "operator new", "new T"},
        {"Base *p = new Derived;", 1, "operator new", "new Derived; decl Base"},
        {"auto p = std::make_unique<T>(3);", 1, "operator new", "new T; to p"},
        {"auto p = std::make_unique<T[]>(3);", 1, "operator new[]", "new T[]; to p[]"},
        {"auto p = std::make_shared<T>(3);", 1, "operator new", "new T+; to p+"},
        {"auto p = std::make_unique<T>(3);", 1, "std::make_unique<T, int>(int&&)", "new T; to p"},
        {"auto p = pool.make<T>();", 1, "Pool::make<T>()", "new T; to p"},
        {"auto p = pool.make<std::map<int, T>, A>(3);", 1, "make",
         "new std::map<int, T>[]; to p[]"},
        {"p = static_cast<T *>(::operator new(sizeof(T)));", 1, "operator new",
         "sizeof T; cast T; to p"},
        {"p = operator new(n * sizeof(T));", 1, "operator new", "sizeof T[]; to p[]"},
        {"f(new T, new T);", 1, "operator new", "new T"},
        {"f(new T, new U);", 1, "operator new", ""},
        {"std::vector<T> v(10);", 1, "operator new", ""},
        {"p = make();", 1, "operator new", ""},
    };

    CHECK(cases);
}

Test(statement, macros_are_given_types)
{
    static const struct a_case cases[] = {
        {"p = g_new(node, 1);", 1, "g_malloc", "cast node; to p"},
        {"p = g_new(node, n);", 1, "g_malloc_n", "cast node[]; to p"},
        {"p = g_new0 (struct node, n);", 1, "g_malloc0_n", "cast struct node[]; to p"},
        {"p = ALLOC(T);", 1, "malloc", "cast T; to p"},
        {"p = NEW(struct foo);", 1, "malloc", "cast struct foo; to p"},
        {"p = MAKE(struct foo);", 1, "malloc", "cast struct foo; to p"},
        {"p = xcalloc_type(node_t, 4);", 1, "calloc", "cast node_t[]; to p[]"},
        {"p = talloc(ctx, Node);", 1, "malloc", "cast Node; to p"},
        {"p = talloc_zero(ctx, struct node);", 1, "malloc", "cast struct node; to p"},
        {"NEW(x);", 1, "malloc", ""},
        {"return XNEW(Node);", 1, "xmalloc", "cast Node; return"},
        {"p = MALLOC(sizeof(T));", 1, "je_malloc", "sizeof T; to p"},
        {"p = strdup(s);", 1, "__strdup", "to p"},
        {"p = malloc(sizeof(T));", 1, "malloc@plt", "sizeof T; to p"},
        {"p = xalloc(sizeof(T));", 1, "xalloc.isra.0", "sizeof T; to p"},
        {"p = xalloc(struct node, 3);", 1, "xalloc", "cast struct node[]; to p"},
        {"p = malloc(sizeof(T));", 1, NULL, "sizeof T; to p"},
        {"p = new T;", 1, NULL, "new T; to p"},
        {"auto p = std::make_unique<T>();", 1, NULL, "new T; to p"},
        {"p = create(n);", 1, NULL, ""},
        {"p = malloc(room);", 1, "other", "to p"},
        {"p = MAKE(n);", 1, "malloc", ""},
    };

    CHECK(cases);
}

/* Looks at texts that are no source: nothing may be read outside of them, and no call may hang. */
static void try_all(const char *text, size_t bytes)
{
    static const char *const names[] = {"malloc", "operator new", NULL};
    char found[TEXT_MAX];
    char *copy = malloc(bytes == 0 ? 1 : bytes); /* its end is known to AddressSanitizer */

    cr_assert_not_null(copy);
    memcpy(copy, text, bytes);
    for (uint32_t line = 0; line < 4; line++) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            write_hints(copy, bytes, line, names[i], line % 3, found);
        }
    }
    write_hints(copy, bytes, UINT32_MAX, "malloc", 0, found);
    free(copy);
}

Test(statement, broken_texts_do_no_harm)
{
    static const char *const texts[] = {
        "",
        "\n",
        "malloc",
        "malloc(",
        "malloc(sizeof",
        "malloc(sizeof(",
        "malloc(sizeof(T",
        "malloc(sizeof *",
        "= malloc()",
        ") = malloc(sizeof())",
        "))))malloc(n)((((",
        "}}}} p = malloc(3) {{{{",
        "p = malloc(]sizeof(T)[);",
        "new",
        "new (",
        "new ((((",
        "new <T",
        "make_unique<",
        "make_unique<<<<<<>>(3)",
        "p = static_cast<(malloc(3));",
        "p = a_cast<T>>>>(malloc(3));",
        "\"malloc(3)",
        "'",
        "R\"",
        "R\"x(",
        "R\"(malloc(3)",
        "/*",
        "/",
        "*",
        "#",
        "#\\",
        "\\",
        "\\\r",
        "//\\",
        "\"\\",
        ": ? : ? malloc(3) : ? :",
        "case malloc(3)",
        "sizeof malloc(sizeof sizeof sizeof)",
        "struct struct struct * malloc(struct)",
        "operator new",
        "operator new(",
        "a->b.malloc(3)->c = ::malloc(3)",
        "\xff\xfe\x80 = malloc(\xff)",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        try_all(texts[i], strlen(texts[i]));
    }
}

Test(statement, names_of_calloc)
{
    static const struct a_case cases[] = {
        {"T *p = calloc(n, size);", 1, "calloc", "decl T[]"},
        {"T *p = PyMem_Calloc(n, size);", 1, "PyMem_Calloc", "decl T[]"},
        {"T *p = XCALLOC(n, size);", 1, "XCALLOC", "decl T[]"},
        {"T *p = GenericAlloc(type, 0);", 1, "GenericAlloc", "decl T"},
    };

    CHECK(cases);
}

Test(statement, variables_that_are_made_of_sizeof)
{
    static const struct a_case cases[] = {
        {"f(int n) {\n size_t size = sizeof(T);\n p = malloc(size); }", 3, "malloc",
         "sizeof T; to p"},
        {"f(int n) {\n size_t size = sizeof(T) + n;\n p = malloc(size); }", 3, "malloc",
         "sizeof T+; to p+"},
        {"f(int n) {\n size_t size = sizeof(T);\n p = malloc(n * size); }", 3, "malloc",
         "sizeof T[]; to p[]"},
        {"f(int n) {\n size = sizeof(T);\n size += n;\n p = malloc(size); }", 4, "malloc",
         "sizeof T+; to p+"},
        {"f(int n) {\n one = sizeof(T);\n all = n * one;\n p = malloc(all); }", 4, "malloc",
         "sizeof T[]; to p[]"},
        {"f(int n) {\n size = sizeof(T);\n size = sizeof(U);\n p = malloc(size); }", 4, "malloc",
         "sizeof U; to p"},
        {"f(int n) {\n size = sizeof(T);\n if (n) size = sizeof(U);\n p = malloc(size); }", 4,
         "malloc", "sizeof U?; sizeof T?; to p"},
        {"f(int n) {\n if (n) { size = sizeof(T); } else { size = sizeof(U); }\n p = malloc(size); "
         "}",
         3, "malloc", "sizeof U?; sizeof T?; to p"},
        /* One of the values is not known, or the variable is no size. */
        {"f(int n) {\n size = sizeof(T);\n if (n) size = n;\n p = malloc(size); }", 4, "malloc",
         "to p"},
        {"f(int size) {\n if (size == 0) size = sizeof(T);\n p = malloc(size); }", 3, "malloc",
         "to p"},
        {"f(int n) {\n size = n ? sizeof(T) : 0;\n p = malloc(size); }", 3, "malloc", "to p"},
        {"f(int n) {\n struct s size = {3, sizeof(T)};\n p = malloc(size); }", 3, "malloc", "to p"},
        {"f(int n) {\n size = sizeof(T);\n p = make(&size); }", 3, "make", "to p"},
        {"f(int n) {\n size = g(sizeof(T));\n p = malloc(size); }", 3, "malloc", "to p"},
        {"f(int n) {\n size = sizeof(T) / 2;\n p = malloc(size); }", 3, "malloc", "to p"},
        {"f(int n) {\n *size = sizeof(T);\n p = malloc(size); }", 3, "malloc", "to p"},
        {"f(int n) {\n a.size = sizeof(T);\n p = malloc(size); }", 3, "malloc", "to p"},
        {"f(int n) {\n p = malloc(sizeof(T));\n p = realloc(p, n); }", 3, "realloc", "to p"},
        /* In other functions, and after the call. */
        {"g(int n) { size = sizeof(T); }\nf(int n) {\n p = malloc(size); }", 3, "malloc", "to p"},
        {"f(int n) {\n p = malloc(size);\n size = sizeof(T); }", 2, "malloc", "to p"},
        {"size_t size = sizeof(T);\np = malloc(size);", 2, "malloc", "to p"},
    };

    CHECK(cases);
}

/* Variables that are made of each other, many times. */
Test(statement, variables_without_end)
{
    enum { LINES = 1500 };
    static const char line[] = "a=b+b;b=a+a;";
    static const char end[] = "\np=malloc(a+b+a+b);}";
    char *text = malloc(8 + LINES * sizeof(line) + sizeof(end));
    char found[TEXT_MAX];
    size_t used = 0;

    cr_assert_not_null(text);
    used += (size_t) sprintf(text, "f(c){");
    for (size_t i = 0; i < LINES; i++) {
        used += (size_t) sprintf(text + used, "%s", line);
    }
    used += (size_t) sprintf(text + used, "%s", end);
    write_hints(text, used, 2, "malloc", 0, found);
    cr_expect_str_eq(found, "to p");
    free(text);
}

Test(statement, zero_bytes_are_blanks)
{
    static const char text[] = "p\0=\0malloc(\0sizeof(struct\0node\0)\0)\0;";
    char found[TEXT_MAX];

    write_hints(text, sizeof(text), 1, "malloc", 0, found);
    cr_assert_str_eq(found, "sizeof struct node; to p");
}

/* A line is read as a whole or not at all, since there may be another call in it. */
Test(statement, long_lines_say_nothing)
{
    static const char call[] = "p = malloc(sizeof(T));";
    static const char fills[] = "({[<*\"'/ a;,?:";
    char *text = malloc(LONG_BYTES);
    char found[TEXT_MAX];

    cr_assert_not_null(text);
    for (size_t i = 0; fills[i] != '\0'; i++) {
        memset(text, fills[i], LONG_BYTES);
        memcpy(text, call, sizeof(call) - 1);
        write_hints(text, LONG_BYTES, 1, "malloc", 0, found);
        cr_expect_str_eq(found, "", "'%c': %s", fills[i], found);
        text[sizeof(call)] = '\n';
        write_hints(text, LONG_BYTES, 1, "malloc", 0, found);
        cr_expect_str_eq(found, fills[i] == '/' ? "sizeof T; to p" : found);
        write_hints(text, LONG_BYTES, 2, "malloc", 0, found);
        cr_expect_str_eq(found, "", "'%c' in line 2: %s", fills[i], found);
    }
    free(text);
}

/* The window has a bound: a name that stands many lines away is not found, which is safe. */
Test(statement, far_lines_do_not_count)
{
    static const char call[] = "p = malloc(sizeof(T));\n";
    enum { LINES = 5000 };
    size_t bytes = LINES * (sizeof(call) - 1);
    char *text = malloc(bytes);
    char found[TEXT_MAX];

    cr_assert_not_null(text);
    for (size_t i = 0; i < LINES; i++) {
        memcpy(text + i * (sizeof(call) - 1), call, sizeof(call) - 1);
    }
    write_hints(text, bytes, LINES / 2, "malloc", 0, found);
    cr_assert_str_eq(found, "sizeof T; to p");
    write_hints(text, bytes, LINES, "malloc", 0, found);
    cr_assert_str_eq(found, "sizeof T; to p");
    free(text);
}
