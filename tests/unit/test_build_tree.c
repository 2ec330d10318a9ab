/* Rows of the build pane. A row is written as "K text", one a line: G group, S
 * step, E error, R reason, C cause, L line of output, X excerpt, W warning,
 * T transfer, + more above; "-" after the letter: closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/builds/progress/progress.h"
#include "core/builds/progress/remarks.h"
#include "tests/support/limit.h"
#include "tui/main/build_tree.h"

static const char *const two[] = {"api", "web"};

static struct build *build_of(uint64_t id, const char *text)
{
    struct build *build = build_new(id, two, 2, "docker compose build", 0);
    void *progress = progress_plain.open(build);
    progress_plain.feed(progress, 1, text, strlen(text), 1000);
    progress_plain.end(progress, 2000);
    progress_plain.close(progress);
    return build;
}

static const char both[] = "#1 [api internal] load build definition\n#1 DONE 0.1s\n\n"
                           "#2 [web internal] load build definition\n#2 DONE 0.1s\n\n"
                           "#3 [api 1/2] COPY a b\n#3 CACHED\n\n"
                           "#4 [web 1/2] RUN one\n#4 0.1 from one\n#4 DONE 1.0s\n\n"
                           "#5 [web 2/2] RUN two\n";
static const char web_fails[] = "#5 0.1 first\n#5 0.2 second\n"
                                "#5 ERROR: process \"two\" did not complete successfully: exit "
                                "code: 2\nfailed to solve: process \"two\" did not complete "
                                "successfully: exit code: 2\n";

static void add_row(struct buf *out, const struct build_tree *tree, const struct build *build,
                    const struct tree_row *row)
{
    static const char letters[] = "RCYGSE+LXWT";
    struct buildlog_line line;
    const struct step *step = build_find_step(build, row->step);
    const char *service = tree->groups[row->group].service;
    buf_printf(out, "%c%s ", letters[row->kind], row->can_open && !row->is_open ? "-" : "");
    if (row->kind == TREE_GROUP)
        buf_append_str(out, service != NULL ? service : "?");
    else if (row->kind == TREE_STEP)
        buf_append_str(out, step->instruction);
    else if (row->kind == TREE_TRANSFER)
        buf_append_str(out, step->transfers[row->at].name);
    else if (row->kind == TREE_LINE && buildlog_get(build->log, row->at, &line) == 0)
        logline_append(out, &line);
    else if (row->text != NULL)
        buf_append(out, row->text, row->len);
    buf_append_str(out, "|");
}

static void assert_tree(const struct build_tree *tree, const struct build *build,
                        const char *expected)
{
    struct buf out = {0};
    for (size_t i = 0; i < tree->len; i++)
        add_row(&out, tree, build, &tree->rows[i]);
    char *text = buf_take(&out);
    assert_string_equal(text, expected);
    free(text);
}

static void fill(struct build_tree *tree, const struct build *build)
{
    build_tree_fill(tree, &build, 1);
}

static void test_groups(void **state)
{
    (void)state;
    struct build_tree tree = {0};
    struct build *build = build_of(1, both);
    fill(&tree, build);
    assert_tree(&tree, build,
                "G api|S load build definition|S COPY a b|"
                "G web|S load build definition|S- RUN one|S RUN two|");
    assert_int_equal(tree.groups[0].counts.cached, 1);
    assert_int_equal(tree.groups[1].running, 5);
    build_free(build);
    build_tree_done(&tree);
}

/* Of one service alone there is no heading, and nothing between it and its steps. */
static void test_one_service(void **state)
{
    (void)state;
    struct build_tree tree = {0};
    struct build *build =
        build_of(1, "#1 [api internal] load\n#1 DONE 0.1s\n\n#2 [api 1/1] RUN x\n");
    fill(&tree, build);
    assert_tree(&tree, build, "S load|S RUN x|");
    build_free(build);
    build_tree_done(&tree);
}

static void test_failed_comes_first(void **state)
{
    (void)state;
    struct build_tree tree = {0};
    char *text = mem_printf("%s%s", both, web_fails);
    struct build *build = build_of(1, text);
    free(text);
    build_end(build, BUILD_FAILED, 1, 3000);
    fill(&tree, build);
    assert_tree(&tree, build,
                "G web|R exit code: 2|S RUN two|L #5 0.1 first|L #5 0.2 second|"
                "S load build definition|S- RUN one|G api|S load build definition|S COPY a b|");
    size_t row;
    const struct build *builds[] = {build};
    assert_true(build_tree_next_failed(&tree, builds, 1, 8, -1, &row));
    assert_int_equal(row, 2);
    assert_false(build_tree_next_failed(&tree, builds, 1, 2, 1, &row));
    assert_false(build_tree_next_failed(&tree, builds, 1, 2, -1, &row));
    build_free(build);
    build_tree_done(&tree);
}

/* The tail of a failed step; Enter: all of it; Enter again: closed. */
static void test_tail(void **state)
{
    (void)state;
    struct build_tree tree = {0};
    struct buf text = {0};
    buf_append_str(&text, "#1 [api internal] load\n#1 DONE 0.1s\n\n#2 [api 1/1] RUN x\n");
    for (int i = 1; i <= 3 * TREE_TAIL_LINES; i++)
        buf_printf(&text, "#2 0.%d line\n", i);
    buf_append_str(&text, "#2 ERROR: no\n");
    struct build *build = build_of(1, text.data);
    buf_done(&text);
    build_end(build, BUILD_FAILED, 1, 3000);
    fill(&tree, build);
    size_t tail = tree.len;
    assert_int_equal(tree.rows[0].kind, TREE_REASON);
    assert_int_equal(tree.rows[2].kind, TREE_EARLIER);
    assert_int_equal(tail, 1 + 1 + 1 + TREE_TAIL_LINES + 1);
    assert_true(build_tree_toggle(&tree, 1));
    fill(&tree, build);
    assert_int_equal(tree.len, tail - 1 + 2 * TREE_TAIL_LINES);
    assert_true(build_tree_toggle(&tree, 1));
    fill(&tree, build);
    assert_int_equal(tree.len, 3);
    build_free(build);
    build_tree_done(&tree);
}

/* However long a step's log is, its rows are few, and the last ones. */
static void test_lines_are_capped(void **state)
{
    (void)state;
    struct build_tree tree = {0};
    struct buf text = {0};
    buf_append_str(&text, "#1 [api 1/1] RUN x\n");
    for (int i = 1; i <= 3 * TREE_LINES_MAX; i++)
        buf_printf(&text, "#1 0.1 line %d\n", i);
    struct build *build = build_of(1, text.data);
    buf_done(&text);
    fill(&tree, build);
    assert_int_equal(tree.len, 1);
    assert_true(build_tree_set_open(&tree, 0, true));
    fill(&tree, build);
    assert_int_equal(tree.len, 2 + TREE_LINES_MAX);
    assert_int_equal(tree.rows[1].kind, TREE_EARLIER);
    assert_int_equal(tree.rows[tree.len - 1].at, 3 * TREE_LINES_MAX);
    build_free(build);
    build_tree_done(&tree);
}

/* What is open and where the cursor is hangs on ids. */
static void test_folds_and_rows_stay(void **state)
{
    (void)state;
    struct build_tree tree = {0};
    struct build *build = build_of(1, both);
    fill(&tree, build);
    assert_true(build_tree_set_open(&tree, 0, false));
    struct tree_row row = tree.rows[5]; /* RUN one, of web */
    assert_true(build_tree_set_open(&tree, 5, true));
    fill(&tree, build);
    assert_tree(&tree, build,
                "G- api|G web|S load build definition|S RUN one|L #4 0.1 from one|S RUN two|");
    assert_int_equal(build_tree_find(&tree, &row), 3);
    row = tree.rows[4];
    assert_int_equal(build_tree_parent(&tree, 4), 3);
    assert_int_equal(build_tree_parent(&tree, 3), 1);
    assert_int_equal(build_tree_parent(&tree, 1), 1);
    build_tree_set_open(&tree, 4, false); /* the line's step */
    fill(&tree, build);
    assert_int_equal(build_tree_find(&tree, &row), 3); /* the line has gone: its step */
    row = tree.rows[3];
    build_tree_set_all_open(&tree, false);
    fill(&tree, build);
    assert_tree(&tree, build, "G- api|G- web|");
    assert_int_equal(build_tree_find(&tree, &row), 1); /* the step has gone: its service */
    build_tree_set_all_open(&tree, true);
    fill(&tree, build);
    assert_int_equal(tree.len, 7);
    build_free(build);
    build_tree_done(&tree);
}

static void test_many_services_are_closed(void **state)
{
    (void)state;
    struct build_tree tree = {0};
    struct buf text = {0};
    for (int i = 1; i <= TREE_GROUPS_OPEN + 1; i++)
        buf_printf(&text, "#%d [s%d internal] load\n#%d DONE 0.1s\n\n", i, i, i);
    buf_append_str(&text, "#9 [s2 1/1] RUN x\n#9 ERROR: no\n");
    struct build *build = build_of(1, text.data);
    buf_done(&text);
    fill(&tree, build);
    assert_tree(&tree, build, "G s2|S RUN x|E no|S load|G- s1|G- s3|G- s4|");
    build_free(build);
    build_tree_done(&tree);
}

static void test_what_stands_below(void **state)
{
    (void)state;
    struct build_tree tree = {0};
    struct build *build = build_of(1, "#1 [api 1/1] RUN x\n#1 sha256:a 1MB / 2MB\n");
    static const char warning[] = "Casing: odd (line 3)";
    build_add_warning(build, 1, warning, strlen(warning), NULL, NULL, 0);
    build->excerpt = (struct build_excerpt){.step = 1,
                                            .file = mem_strdup("Dockerfile"),
                                            .line = 2,
                                            .text = mem_strdup("   1 |     a\n   2 | >>> RUN x")};
    fill(&tree, build);
    assert_true(build_tree_set_open(&tree, 0, true));
    fill(&tree, build);
    assert_tree(&tree, build,
                "S RUN x|W Casing: odd|L #1 sha256:a 1MB / 2MB|T sha256:a|X Dockerfile|"
                "X    1 |     a|X    2 | >>> RUN x|");
    build_free(build);
    build_tree_done(&tree);
}

/* Broken between words, wide characters whole; cleaned; never endless. */
static void test_texts_are_broken(void **state)
{
    (void)state;
    struct build_tree tree = {.cols = 10};
    struct build *build = build_of(1, "#1 [api 1/1] RUN x\n");
    static const char error[] = "one two three four日本語日本語日本語 "
                                "\033 and so on and so on and on";
    build_set_error(build, error, strlen(error));
    build_end(build, BUILD_FAILED, 1, 3000);
    fill(&tree, build);
    assert_int_equal(tree.rows[0].len, strlen("one two"));
    assert_int_equal(tree.rows[1].len, strlen("three four"));
    assert_int_equal(tree.rows[2].len, strlen("日本語日本"));
    assert_int_equal(tree.rows[3].kind, TREE_REASON);
    assert_int_equal(tree.rows[4].kind, TREE_STEP);
    build_free(build);
    build_tree_done(&tree);
}

static void test_several_builds(void **state)
{
    (void)state;
    struct build_tree tree = {0};
    struct build *first = build_of(1, "#1 [api 1/1] RUN x\n");
    struct build *waiting = build_new(2, &two[1], 1, "docker compose build web", 0);
    const struct build *builds[] = {first, waiting};
    waiting->state = BUILD_QUEUED;
    waiting->place = 1;
    build_tree_fill(&tree, builds, 2);
    assert_int_equal(tree.groups_len, 2);
    assert_int_equal(tree.rows[0].kind, TREE_GROUP);
    assert_int_equal(tree.rows[2].kind, TREE_GROUP);
    assert_int_equal(tree.rows[2].build, 2);
    build_tree_set_open(&tree, 0, false);
    build_tree_fill(&tree, builds + 1, 1); /* the first has gone, and its fold with it */
    assert_int_equal(tree.folds_len, 0);
    build_free(first);
    build_free(waiting);
    build_tree_done(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_one_service),
        cmocka_unit_test(test_failed_comes_first),
        cmocka_unit_test(test_tail),
        cmocka_unit_test(test_lines_are_capped),
        cmocka_unit_test(test_folds_and_rows_stay),
        cmocka_unit_test(test_many_services_are_closed),
        cmocka_unit_test(test_what_stands_below),
        cmocka_unit_test(test_texts_are_broken),
        cmocka_unit_test(test_several_builds),
    };
    limit_program(60);
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
