/* Copies of build contexts, and which files of them are changed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "bench/context.h"
#include "bench/recognise.h"
#include "tests/support/tempdir.h"

static bool say(void *arg)
{
    return *(const bool *)arg;
}

static int copy(const char *dir, const char *dockerfile)
{
    bool over = false;
    char *from = path_join(dir, "context"), *to = path_join(dir, "copy");
    struct err err;
    int code = context_copy(from, dockerfile, to, say, &over, &err);
    free(from);
    free(to);
    return code;
}

static void test_copy(void **state)
{
    (void)state;
    char *dir = tempdir_new(), *path = path_join(dir, "context/bin/run");
    file_write_text(dir, "context/a.txt", "a");
    file_write(dir, "context/bin/run", "x\0y", 3);
    dir_make(dir, "context/empty");
    char *link = path_join(dir, "context/link"), *fifo = path_join(dir, "context/fifo");
    assert_int_equal(symlink("/etc/passwd", link), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(chmod(path, 0751), 0);
    assert_int_equal(copy(dir, NULL), 0);
    size_t len;
    char *data = file_read(dir, "copy/bin/run", &len);
    assert_int_equal(len, 3);
    assert_memory_equal(data, "x\0y", 3);
    assert_true(file_exists(dir, "copy/empty"));
    assert_false(file_exists(dir, "copy/fifo"));
    char target[64] = "", *copied = path_join(dir, "copy/link");
    assert_int_equal(readlink(copied, target, sizeof target - 1), strlen("/etc/passwd"));
    char *there = path_join(dir, "copy/bin/run");
    struct stat before, after;
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(stat(there, &after), 0);
    assert_int_equal(after.st_mode & 07777, 0751);
    assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
    assert_int_equal(copy(dir, NULL), -EEXIST);
    free(data);
    free(copied);
    free(there);
    free(link);
    free(fifo);
    free(path);
    tempdir_free(dir);
}

static void test_cancel(void **state)
{
    (void)state;
    bool over = true;
    char *dir = tempdir_new(), *from = path_join(dir, "context"), *to = path_join(dir, "copy");
    struct err err;
    file_write_text(dir, "context/a.txt", "a");
    assert_int_equal(context_copy(from, NULL, to, say, &over, &err), ERR_CANCELLED);
    free(from);
    free(to);
    tempdir_free(dir);
}

/* What is left out must be what no build would see. */
static const struct {
    const char *ignore, *own_ignore; /* NULL: none */
    const char *path;
    bool copied;
} ignores[] = {
    {NULL, NULL, "target/x", true},
    {"target\n", NULL, "target/x", false},
    {"/target/\r\n", NULL, "target/x", false},
    {"target/**\n", NULL, "target/x", false},
    {"target\n", NULL, "sub/target/x", true},
    {"**/target\n", NULL, "sub/target/x", false},
    {"**/target\n", NULL, "target/x", false},
    {"# target\n", NULL, "target/x", true},
    {"tar*\n", NULL, "target/x", true}, /* docker's to read */
    {"target\n!target/keep\n", NULL, "target/x", true},
    {"Dockerfile\n", NULL, "Dockerfile", true}, /* a file: it is read all the same */
    {"target\n", "other\n", "target/x", true},
    {"target\n", "other\n", "other/x", false},
};

static void test_ignore(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ignores / sizeof ignores[0]; i++) {
        char *dir = tempdir_new(), *dockerfile = path_join(dir, "files/Dockerfile");
        char *name = mem_printf("context/%s", ignores[i].path);
        char *copied = mem_printf("copy/%s", ignores[i].path);
        file_write_text(dir, name, "x");
        if (ignores[i].ignore != NULL)
            file_write_text(dir, "context/.dockerignore", ignores[i].ignore);
        file_write_text(dir, "files/Dockerfile", "FROM x");
        if (ignores[i].own_ignore != NULL)
            file_write_text(dir, "files/Dockerfile.dockerignore", ignores[i].own_ignore);
        assert_int_equal(copy(dir, dockerfile), 0);
        if (file_exists(dir, copied) != ignores[i].copied)
            fail_msg("case %zu: %s", i, ignores[i].path);
        free(name);
        free(copied);
        free(dockerfile);
        tempdir_free(dir);
    }
}

static void test_measure(void **state)
{
    (void)state;
    char *dir = tempdir_new(), *context = path_join(dir, "context");
    char data[10000] = {1};
    int64_t bytes;
    size_t files;
    struct err err;
    file_write(dir, "context/a", data, sizeof data);
    file_write(dir, "context/b/c", data, sizeof data);
    assert_int_equal(context_measure(context, NULL, &bytes, &files, &err), 0);
    assert_int_equal(files, 2);
    assert_true(bytes >= 20000);
    char *nowhere = path_join(dir, "nowhere");
    assert_int_equal(context_measure(nowhere, NULL, &bytes, &files, &err), -ENOENT);
    free(nowhere);
    free(context);
    tempdir_free(dir);
}

/* A workspace as people have it; the manifest is the topmost, the dependency
 * one of the service's own package. */
static void test_rust(void **state)
{
    (void)state;
    char *dir = tempdir_new();
    struct bench_source source = {.context = dir};
    struct err err;
    file_write_text(dir, "Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\n");
    file_write_text(dir, "Cargo.lock",
                    "[[package]]\nname = \"axum\"\nsource = \"registry+x\"\n\n[[package]]\nname = "
                    "\"tasker-worker\"\ndependencies = [\n \"axum\",\n]\n");
    file_write_text(dir, "crates/worker/Cargo.toml", "[package]\nname = \"tasker-worker\"\n");
    file_write_text(dir, "crates/worker/src/main.rs", "fn main() {}\n");
    file_write_text(dir, "crates/shared/Cargo.toml", "[package]\nname = \"shared\"\n");
    file_write_text(dir, "crates/shared/src/lib.rs", "\n");
    assert_int_equal(recognise("rust-worker", &source, true, true, &err), 0);
    assert_string_equal(source.code_file, "crates/worker/src/main.rs");
    assert_string_equal(source.dependency_file, "Cargo.toml");
    assert_string_equal(source.dependency, "axum");
    free(source.code_file);
    free(source.dependency_file);
    free(source.dependency);
    tempdir_free(dir);
}

static void test_given(void **state)
{
    (void)state;
    char *dir = tempdir_new();
    struct err err;
    file_write_text(dir, "src/x.txt", "x");
    file_write_text(dir, "src/x.png", "x");
    static const struct {
        const char *code, *dependencies;
        int result;
    } cases[] = {
        {"src/x.txt", "src/x.txt", 0},           {"src/none.txt", "src/x.txt", ERR_USAGE},
        {"src/x.txt", "/etc/passwd", ERR_USAGE}, {"../x.txt", "src/x.txt", ERR_USAGE},
        {"src/x.png", "src/x.txt", ERR_USAGE},   {"src", "src/x.txt", ERR_USAGE},
        {NULL, "src/x.txt", ERR_USAGE},          {"src/x.txt", NULL, ERR_USAGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench_source source = {.context = dir};
        mem_replace(&source.code_file, cases[i].code);
        mem_replace(&source.dependency_file, cases[i].dependencies);
        assert_int_equal(recognise("api", &source, true, true, &err), cases[i].result);
        free(source.code_file);
        free(source.dependency_file);
    }
    struct bench_source none = {.context = dir};
    assert_int_equal(recognise("api", &none, false, false, &err), 0);
    tempdir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy),   cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_ignore), cmocka_unit_test(test_measure),
        cmocka_unit_test(test_rust),   cmocka_unit_test(test_given),
    };
    return cmocka_run_group_tests_name("bench_context", tests, NULL, NULL);
}
