/* The first error line in output that was recorded from real runs, paths made
 * short, each fed to the parser as the output of a failed step. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/builds/errorline.h"
#include "core/builds/progress/progress.h"
#include "tests/support/limit.h"

#define LOG_BYTES (1024 * 1024)

static const struct {
    const char *log, *line; /* NULL: a clean log */
} recorded[] = {
    {"apt-clean", NULL},
    {"apt-missing", "E: Unable to locate package no-such-package-of-anybody"},
    {"bash-clean", NULL},
    {"bash-denied", "bash: line 1: ./noexec.sh: Permission denied"},
    {"bash-not-found", "bash: line 1: instal: command not found"},
    {"bash-syntax", "s.sh: line 4: syntax error: unexpected end of file"},
    {"bash-unset", "bash: line 1: MISSING: unbound variable"},
    {"cargo-build", "error[E0425]: cannot find value `total` in this scope"},
    {"cargo-clean", NULL},
    {"cargo-dependency",
     "error: failed to get `lost` as a dependency of package `app v0.1.0 (/src)`"},
    {"cargo-test", "thread 'adds' (20600) panicked at src/main.rs:4:13:"},
    {"cp-missing", "cp: cannot stat 'missing.txt': No such file or directory"},
    {"gcc-clean", NULL},
    {"gcc-include", "include.c:1:10: fatal error: nowhere.h: No such file or directory"},
    {"gcc-link", "link.c:(.text+0x5): undefined reference to `lost'"},
    {"gcc-undeclared", "main.c:3:39: error: ‘x’ undeclared (first use in this function)"},
    {"go-build", "./main.go:6:14: undefined: total"},
    {"go-clean", NULL},
    {"go-missing",
     "main.go:3:8: cannot find module providing package example.com/nowhere/x: import "
     "lookup disabled by -mod=readonly"},
    {"go-panic", "panic: assignment to entry in nil map"},
    {"go-test", "--- FAIL: TestAdd (0.00s)"},
    {"make-clean", NULL},
    {"make-compile", "main.c:3:39: error: ‘x’ undeclared (first use in this function)"},
    {"make-no-rule", "make: *** No rule to make target 'install'.  Stop."},
    {"make-recipe", "make: *** [Makefile:7: test] Error 2"},
    {"maven-compile", "[ERROR] /src/src/main/java/App.java:[1,30] cannot find symbol"},
    {"maven-clean", NULL},
    {"npm-ci",
     "npm error The `npm ci` command can only install with an existing package-lock.json or"},
    {"npm-clean", NULL},
    {"npm-no-script", "npm error Missing script: \"bundle\""},
    {"npm-script", "Error: Cannot find module './config'"},
    {"npm-version", "npm error notarget No matching version found for left-pad@99.9.9."},
    {"pip-clean", NULL},
    {"pip-missing", "ERROR: Could not find a version that satisfies the requirement "
                    "no-such-package-of-anybody==9.9 (from versions: none)"},
    {"pip-requirements",
     "ERROR: Could not open requirements file: [Errno 2] No such file or directory: "
     "'requirements.txt'"},
    {"pip-requires", "      ERROR: Could not find a version that satisfies the requirement "
                     "setuptools>=40.8.0 (from versions: none)"},
    {"pytest-clean", NULL},
    {"pytest-fails", "E       assert -1 == 3"},
    {"pytest-import", "E   ModuleNotFoundError: No module named 'nowhere'"},
    {"python-syntax", "SyntaxError: invalid syntax"},
    {"python-traceback",
     "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line "
     "1 column 2 (char 1)"},
    {"rustc-clean", NULL},
    {"rustc", "error[E0425]: cannot find value `total` in this scope"},
    {"sh-not-found", "sh: 1: instal: not found"},
    {"tsc-clean", NULL},
    {"tsc-pretty", "\033[96mbad.ts\033[0m:\033[93m1\033[0m:\033[93m7\033[0m - "
                   "\033[91merror\033[0m\033[90m TS2322: \033[0mType 'string' is not assignable to "
                   "type 'number'."},
    {"tsc", "bad.ts(1,7): error TS2322: Type 'string' is not assignable to type 'number'."},
};
#define RECORDED_LEN (sizeof recorded / sizeof recorded[0])

static void add_output(struct buf *progress, const char *line)
{
    buf_printf(progress, "#1 0.100 %s", line);
}

static struct build *build_of(struct buf *progress)
{
    struct build *build = build_new(1, NULL, 0, "x", LOG_BYTES);
    void *parser = progress_plain.open(build);
    buf_append_str(progress, "#1 ERROR: exit code: 1\n");
    progress_plain.feed(parser, 1, progress->data, progress->len, 1);
    progress_plain.end(parser, 2);
    progress_plain.close(parser);
    build_end(build, BUILD_FAILED, 1, 3);
    errorline_settle(build);
    return build;
}

static void assert_error_line(const struct build *build, const char *name, const char *expected)
{
    struct buildlog_line line;
    bool found = step_error_line(build, &build->steps[0], &line);
    if (found != (expected != NULL))
        fail_msg("%s: %.*s", name, found ? (int)line.len : 4, found ? line.text : "none");
    if (found && (line.len != strlen(expected) || memcmp(line.text, expected, line.len) != 0))
        fail_msg("%s: %.*s", name, (int)line.len, line.text);
}

static void test_recorded(void **state)
{
    (void)state;
    for (size_t i = 0; i < RECORDED_LEN; i++) {
        char *path = mem_printf("%s/logs/%s.txt", getenv("BILGE_TEST_DATA"), recorded[i].log);
        FILE *file = fopen(path, "r");
        char line[4096];
        struct buf progress = {0};
        assert_non_null(file);
        buf_append_str(&progress, "#1 [1/1] RUN x\n");
        while (fgets(line, sizeof line, file) != NULL)
            add_output(&progress, line);
        if (progress.data[progress.len - 1] != '\n')
            buf_append_str(&progress, "\n");
        fclose(file);
        struct build *build = build_of(&progress);
        assert_error_line(build, recorded[i].log, recorded[i].line);
        build_free(build);
        buf_done(&progress);
        free(path);
    }
}

/* Every recording stands in the table. */
static void test_all_recorded(void **state)
{
    (void)state;
    char *path = mem_printf("%s/logs", getenv("BILGE_TEST_DATA"));
    DIR *directory = opendir(path);
    const struct dirent *entry;
    size_t seen = 0;
    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL) {
        size_t i = 0, len = strlen(entry->d_name);
        if (len < 4 || strcmp(entry->d_name + len - 4, ".txt") != 0)
            continue;
        while (i < RECORDED_LEN && (strlen(recorded[i].log) != len - 4 ||
                                    memcmp(recorded[i].log, entry->d_name, len - 4) != 0))
            i++;
        if (i == RECORDED_LEN)
            fail_msg("%s is not tested", entry->d_name);
        seen++;
    }
    assert_int_equal(seen, RECORDED_LEN);
    closedir(directory);
    free(path);
}

static void test_lines(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum errorline rank;
    } cases[] = {
        {"", ERRORLINE_NONE},
        {" ", ERRORLINE_NONE},
        {"\r", ERRORLINE_NONE},
        {"0 errors, 3 warnings", ERRORLINE_NONE},
        {"checking for error handling: no", ERRORLINE_NONE},
        {"main.c:2:24: warning: unused variable", ERRORLINE_NONE},
        {"Error", ERRORLINE_NONE},
        {"an Error here", ERRORLINE_NONE},
        {"ValueError", ERRORLINE_STRONG},
        {"a.b.C2Error: x", ERRORLINE_STRONG},
        {"ValueErrors: x", ERRORLINE_NONE},
        {"http://x.go:80/y", ERRORLINE_NONE},
        {"x.go:6:14: undefined: y", ERRORLINE_STRONG},
        {"go: downloading example.com/x v1.2.3", ERRORLINE_NONE},
        {"main.c:3:39: error: x\r", ERRORLINE_STRONG},
        {"sh: 1: x: not found", ERRORLINE_WEAK},
        {"/bin/sh: x: not found", ERRORLINE_WEAK},
        {"make: *** [Makefile:7: test] Error 2", ERRORLINE_WEAK},
        {"making: nothing", ERRORLINE_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (errorline_of(cases[i].line, strlen(cases[i].line)) != cases[i].rank)
            fail_msg("%s: not %d", cases[i].line, (int)cases[i].rank);
}

/* Colours are no part of it, other steps are not looked at, and a line that
 * says what goes before one that says that. */
static void test_steps(void **state)
{
    (void)state;
    static const struct {
        const char *log, *line;
    } cases[] = {
        {"#1 0.1 \033[1m\033[31merror\033[0m: no\n", "\033[1m\033[31merror\033[0m: no"},
        {"#1 0.1 make: *** [x] Error 2\n#1 0.2 a.c:1:1: error: no\n", "a.c:1:1: error: no"},
        {"#1 0.1 a.c:1:1: error: first\n#1 0.2 a.c:2:1: error: second\n", "a.c:1:1: error: first"},
        {"#2 [1/1] RUN y\n#2 0.1 error: of another\n", NULL},
        {"#1 0.1 fine\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf progress = {0};
        buf_append_str(&progress, "#1 [1/1] RUN x\n#1 0.1 start\n");
        buf_append_str(&progress, cases[i].log);
        struct build *build = build_of(&progress);
        assert_error_line(build, cases[i].log, cases[i].line);
        build_free(build);
        buf_done(&progress);
    }
}

int main(void)
{
    limit_program(60);
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_all_recorded),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_steps),
    };
    return cmocka_run_group_tests_name("errorline", tests, NULL, NULL);
}
