/* Which of the files that a COPY takes have changed. */
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

#include "core/base/mem.h"
#include "core/builds/changed.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"

static char *directory;

static int64_t changed_at(const char *name)
{
    char *path = mem_printf("%s/%s", directory, name);
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    free(path);
    return st.st_ctim.tv_sec * INT64_C(1000000000) + st.st_ctim.tv_nsec;
}

/* Writes it so that it is newer than all that was written before. */
static int64_t touch(const char *name)
{
    static int64_t last;
    char *path = mem_printf("%s/%s", directory, name);
    do {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(name, file);
        assert_int_equal(fclose(file), 0);
    } while (changed_at(name) <= last);
    last = changed_at(name);
    free(path);
    return last;
}

static void make(const char *name)
{
    char *path = mem_printf("%s/%s", directory, name);
    assert_int_equal(mkdir(path, 0755), 0);
    free(path);
}

static void expect(const char *instruction, int64_t since, const char *expected)
{
    char *told = changed_files(directory, instruction, since);
    if (expected == NULL && told != NULL)
        fail_msg("%s: %s", instruction, told);
    if (expected != NULL && (told == NULL || strcmp(told, expected) != 0))
        fail_msg("%s: %s, not %s", instruction, told != NULL ? told : "nothing", expected);
    free(told);
}

static void test_changed(void **state)
{
    (void)state;
    directory = tempdir_new();
    make("src");
    make("src/deep");
    make(".git");
    make("target");
    touch("src/a.rs");
    touch("Cargo.lock");
    int64_t before = touch("src/deep/b.rs");
    expect("COPY src src", before, NULL);
    expect("COPY . .", before, NULL);
    touch("src/deep/b.rs");
    expect("COPY src src", before, "src/deep/b.rs");
    expect("COPY ./src/ /app/", before, "src/deep/b.rs");
    expect("COPY --chown=1:1 . .", before, "src/deep/b.rs");
    expect("COPY src/deep /x", before, "src/deep/b.rs");
    expect("COPY Cargo.lock .", before, NULL);
    expect("ADD Cargo.lock src /x/", before, "src/deep/b.rs");
    touch("src/a.rs");
    expect("COPY src src", before, "src/a.rs and 1 more");
    /* what is no plain source, or none at all */
    expect("COPY --from=builder src src", before, NULL);
    expect("COPY src/* /x", before, NULL);
    expect("COPY [\"src\", \"/x\"]", before, NULL);
    expect("COPY ../src /x", before, NULL);
    expect("COPY nosuch /x", before, NULL);
    expect("COPY", before, NULL);
    expect("RUN cp src /x", before, NULL);
    assert_null(changed_files("https://example.com/x.git", "COPY . .", 0));
    assert_null(changed_files("/nonexistent/x", "COPY . .", 0));
    /* what does not reach the builder */
    before = touch("src/a.rs");
    touch(".git/index");
    touch("target/x");
    expect("COPY . .", before, "target/x");
    char *path = mem_printf("%s/.dockerignore", directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("# build\r\n/target/\n**/*.log\n.dockerignore\n!x\n", file);
    assert_int_equal(fclose(file), 0);
    free(path);
    touch("src/deep/y.log");
    expect("COPY target /t", before, NULL);
    /* a link is what it is, and leads nowhere */
    before = touch("src/a.rs");
    path = mem_printf("%s/link", directory);
    do {
        unlink(path);
        assert_int_equal(symlink("/", path), 0);
    } while (changed_at("link") <= before);
    free(path);
    expect("COPY link/etc /x", before, NULL);
    expect("COPY link /x", before, "link");
    tempdir_free(directory);
}

int main(void)
{
    limit_program(60);
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_changed)};
    return cmocka_run_group_tests_name("changed", tests, NULL, NULL);
}
