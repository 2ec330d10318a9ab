#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/path.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])

static void is_text(const char *expected, char *takes)
{
    assert_string_equal(expected, takes);
    free(takes);
}

static void test_parts(void **state)
{
    static const struct {
        const char *path, *parent, *name;
    } cases[] = {
        {"/a/b", "/a", "b"}, {"/a", "/", "a"},  {"a/b", "a", "b"}, {"a", ".", "a"},
        {"/", "/", ""},      {"/a/", "/a", ""}, {"", ".", ""},     {"/a/..", "/a", ".."},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        is_text(cases[i].parent, path_parent(cases[i].path));
        assert_string_equal(cases[i].name, path_name(cases[i].path));
    }
}

static void test_join(void **state)
{
    (void)state;
    is_text("/a", path_join("/", "a"));
    is_text("/a/b", path_join("/a", "b"));
    is_text("a/b/c", path_join("a", "b/c"));
}

static void test_as_a_word(void **state)
{
    (void)state;
    is_text("./-x", path_as_word("-x"));
    is_text("./-", path_as_word("-"));
    is_text("x-", path_as_word("x-"));
    is_text("/-x", path_as_word("/-x"));
    is_text("", path_as_word(""));
}

static void test_plain(void **state)
{
    static const struct {
        const char *path, *plain;
    } cases[] = {
        {"/", "/"},
        {"//", "/"},
        {"/a/./b//c/", "/a/b/c"},
        {"/a/../b", "/b"},
        {"/../..", "/"},
        {"/a/b/../../..", "/"},
        {"/...", "/..."},
        {"/.a/..b", "/.a/..b"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++)
        is_text(cases[i].plain, path_plain(cases[i].path));
    char *here = getcwd(NULL, 0), *below = path_join(here, "x");
    is_text(below, path_plain("./x"));
    is_text(here, path_plain("."));
    free(below);
    free(here);
}

/* <place>/dir, and <place>/link leading to it. */
static void test_links(void **state)
{
    static const struct {
        const char *name, *plain, *canonical, *canonical_parent;
    } cases[] = {
        {"dir", "dir", "dir", "dir"},
        {"link", "link", "dir", "link"},
        {"link/x", "link/x", "dir/x", "dir/x"},
        {"link/none/../x", "link/x", "dir/x", "dir/x"},
        {"none/x", "none/x", "none/x", "none/x"},
    };
    char *place = tempdir_new(), *link = path_join(place, "link");
    (void)state;
    dir_make(place, "dir");
    assert_int_equal(0, symlink("dir", link));
    for (size_t i = 0; i < LEN(cases); i++) {
        char *path = path_join(place, cases[i].name);
        char *plain = path_join(place, cases[i].plain);
        char *canonical = path_join(place, cases[i].canonical);
        char *parent = path_join(place, cases[i].canonical_parent);
        is_text(plain, path_plain(path));
        is_text(canonical, path_canonical(path));
        is_text(parent, path_canonical_parent(path));
        free(path);
        free(plain);
        free(canonical);
        free(parent);
    }
    free(link);
    tempdir_free(place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),     cmocka_unit_test(test_join),
        cmocka_unit_test(test_as_a_word), cmocka_unit_test(test_plain),
        cmocka_unit_test(test_links),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
