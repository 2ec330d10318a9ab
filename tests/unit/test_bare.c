/* Compose files without their caches: the text, and the copies on disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/builds/project/plain_compose.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"

static const struct {
    const char *text, *bare; /* bare NULL: a cache_to can't be left out */
    const char *name;        /* for version 1 */
} texts[] = {
    {"services:\n  a:\n    build: .\n", "services:\n  a:\n    build: .\n", NULL},
    {"name: x\nservices: {}\n", "services: {}\n", "x"},
    {"name: \"x y\"\n", "", "x y"},
    {"name: ${N}\n", "", NULL},
    {"services:\n  a:\n    name: x\n", "services:\n  a:\n    name: x\n", NULL},
    {"s:\n  a:\n    build:\n      cache_to: [\"type=local,dest=/x\"]\n      context: .\n",
     "s:\n  a:\n    build:\n      context: .\n", NULL},
    {"s:\n  b:\n    cache_to:\n      - type=local,dest=/x\n\n      # why\n      - y\n    context: "
     ".\n",
     "s:\n  b:\n    context: .\n", NULL},
    {"s:\n  b:\n    cache_to:\n    - type=local,dest=/x\n    context: .\n",
     "s:\n  b:\n    context: .\n", NULL},
    {"s:\n  b:\n    cache_to: [\n      \"a]\",\n    ]\n    context: .\n",
     "s:\n  b:\n    context: .\n", NULL},
    {"s:\n  b:\n    \"cache_to\": [a]\n", "s:\n  b:\n", NULL},
    {"s:\r\n  b:\r\n    cache_to: [a]\r\n    c: d\r\n", "s:\r\n  b:\r\n    c: d\r\n", NULL},
    {"s:\n  b:\n    cache_from: [\"type=local,src=/x\"]\n    c: d\n", "s:\n  b:\n    c: d\n", NULL},
    {"s:\n  b:\n    cache_from: [\"image:1\"]\n", "s:\n  b:\n    cache_from: [\"image:1\"]\n",
     NULL},
    {"x-b: &b\n  cache_to: [a]\ns:\n  c:\n    build: *b\n", "x-b: &b\ns:\n  c:\n    build: *b\n",
     NULL},
    {"s:\n  b:\n    cache_to: [a]", "s:\n  b:\n", NULL},
    {"# cache_to\n", "# cache_to\n", NULL},
    {"s: {b: {cache_to: [a]}}\n", NULL, NULL},
    {"s:\n  b: {context: ., cache_to: [a]}\n", NULL, NULL},
    {"s:\n  environment:\n    cache_to: x\n", NULL, NULL}, /* rather too careful */
    {"", "", NULL},
};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct buf bare = {0};
        char *name;
        bool done = bare_text(texts[i].text, strlen(texts[i].text), true, &bare, &name);
        buf_append(&bare, "", 0);
        if (done != (texts[i].bare != NULL))
            fail_msg("%zu: \"%s\" gives \"%s\"", i, texts[i].text, bare.data);
        if (done)
            assert_string_equal(bare.len > 0 ? bare.data : "", texts[i].bare);
        if (texts[i].name != NULL)
            assert_string_equal(name, texts[i].name);
        else
            assert_null(name);
        free(name);
        buf_done(&bare);
    }
}

static void test_version_2_keeps_the_name(void **state)
{
    (void)state;
    static const char text[] = "name: x\ns:\n  b:\n    cache_to: [a]\n";
    struct buf bare = {0};
    char *name;
    assert_true(bare_text(text, strlen(text), false, &bare, &name));
    assert_string_equal(bare.data, "name: x\ns:\n  b:\n");
    assert_null(name);
    buf_done(&bare);
}

static void write_text(const char *directory, const char *name, const char *text)
{
    char *path = mem_printf("%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    free(path);
}

#define CACHED "name: sample\nservices:\n  a:\n    build:\n      cache_to: [a]\n"

static void test_copies(void **state)
{
    (void)state;
    char *directory = tempdir_new(), *below = mem_printf("%s/below", directory);
    struct bare bare;
    setenv("TMPDIR", directory, 1);
    unsetenv("COMPOSE_FILE");
    assert_int_equal(mkdir(below, 0755), 0);
    write_text(directory, "compose.yml", CACHED);
    write_text(directory, "compose.override.yml", "services: {}\n");
    assert_int_equal(bare_make(NULL, below, true, &bare, NULL), 0);
    assert_int_equal(bare.files_len, 2);
    assert_string_equal(bare.project, directory);
    assert_string_equal(bare.name, "sample");
    struct stat st;
    assert_int_equal(stat(bare.files[0], &st), 0);
    assert_int_equal(st.st_size, strlen("services:\n  a:\n    build:\n"));
    assert_int_equal(st.st_mode & 0777, 0600);
    char *first = strdup(bare.files[0]), *place = strdup(bare.directory);
    bare_done(&bare);
    assert_int_not_equal(access(first, F_OK), 0);
    assert_int_not_equal(access(place, F_OK), 0);
    free(first);
    free(place);
    /* nothing to leave out: no copies; not to be left out: an error */
    write_text(directory, "plain.yml", "services: {}\n");
    assert_int_equal(bare_make("plain.yml", directory, true, &bare, NULL), 0);
    assert_int_equal(bare.files_len, 0);
    write_text(directory, "flow.yml", "services: {a: {build: {cache_to: [x]}}}\n");
    struct err err;
    assert_int_equal(bare_make("flow.yml", directory, true, &bare, &err), ERR_UNSUPPORTED);
    assert_int_equal(bare.files_len, 0);
    assert_true(bare_make("none.yml", directory, true, &bare, &err) < 0);
    bare_done(&bare);
    free(below);
    tempdir_free(directory);
}

int main(void)
{
    limit_program(60);
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_version_2_keeps_the_name),
        cmocka_unit_test(test_copies),
    };
    return cmocka_run_group_tests_name("bare", tests, NULL, NULL);
}
