/* What a Dockerfile leaves in the build cache. The expected descriptions of
 * the odd one are those that Docker Engine 26.1 gave to its records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/builds/project/recipe.h"
#include "tests/support/limit.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define EXEC "mount / from exec "

static const struct recipe_arg args[] = {{(char *)"SERVICE", (char *)"w2"},
                                         {(char *)"BASE", (char *)"given"}};

/* "stage|description" lines, then "@id target" lines; '*' for what may be anything. */
static char *told(const char *text, const char *target)
{
    struct recipe *recipe;
    struct err err;
    struct buf out = {0};
    if (recipe_parse(text, strlen(text), target, args, LEN(args), &recipe, &err) < 0)
        return mem_printf("! %s", err.text);
    buf_append_str(&out, "");
    for (size_t i = 0; i < recipe->steps_len; i++)
        buf_printf(&out, "%s|%s\n", recipe->steps[i].stage, recipe->steps[i].description);
    for (size_t i = 0; i < recipe->mounts_len; i++)
        buf_printf(&out, "@%s %s\n", recipe->mounts[i].id, recipe->mounts[i].target);
    recipe_free(recipe);
    for (char *at = out.data; *at != '\0'; at++)
        if (*at == RECIPE_ANY)
            *at = '*';
    return buf_take(&out);
}

static void assert_told(const char *before, const char *text, const char *expected)
{
    char *whole = mem_printf("%s%s", before, text), *got = told(whole, NULL);
    if (strcmp(got, expected) != 0)
        fail_msg("%s\n%s", whole, got);
    free(got);
    free(whole);
}

#define SH "stage-0|" EXEC "/bin/sh -c "
static void test_lines_and_words(void **state)
{
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"", ""},
        {"RUN before any stage", ""},
        {"FROM x\nRUN make", SH "make\n"},
        {"from x\n  run   make   it  \r\n", SH "make   it\n"},
        {"FROM x\nRUN a \\\n  b\\\nc", SH "a   bc\n"},
        {"FROM x\nRUN a \\\n# comment\n\n   # another\n  && b # not one",
         SH "a   && b # not one\n"},
        {"FROM x\nRUN a \\  \n b", SH "a  b\n"},
        {"FROM x\nRUN a \\\\\nRUN b", SH "a \\\\\n" SH "b\n"},
        {"# escape=`\nFROM x\nRUN a `\nb \\\n", SH "a b \\\n"},
        {"# syntax=y\n# escape = `\nFROM x\nRUN a `\nb", SH "a b\n"},
        {"FROM x\n# escape=`\nRUN a `\nRUN b", SH "a `\n" SH "b\n"},
        {"\xef\xbb\xbf"
         "FROM x\nRUN bom",
         SH "bom\n"},
        {"FROM x\nRUN [\"echo\", \"exec form\"]", "stage-0|" EXEC "echo exec form\n"},
        {"FROM x\nRUN [\"not json]", SH "[\"not json]\n"},
        {"FROM x\nSHELL [\"/bin/bash\", \"-c\"]\nRUN a", "stage-0|" EXEC "/bin/bash -c a\n"},
        {"FROM x\nRUN --network=none --security=insecure a --b", SH "a --b\n"},
        {"FROM x\nONBUILD RUN a\nHEALTHCHECK CMD b\nCMD c\nLABEL d=e", ""},
        {"FROM x\nRUN $A ${B:-c} '$D'", SH "$A ${B:-c} '$D'\n"}, /* as they are written */
        {"FROM x\nRUN a \\", SH "a\n"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++)
        assert_told("", cases[i].text, cases[i].told);
}

static void test_heredocs(void **state)
{
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"RUN <<EOF\na\n b\nEOF\nRUN c", SH "a\n b\n\n" SH "c\n"},
        {"RUN <<-EOF\n\ta\n\t\tb\n\tEOF\nRUN c", SH "a\nb\n\n" SH "c\n"},
        {"RUN <<E1\n#!/bin/sh\na\nE1\n", SH "/dev/pipes/E1\n"},
        {"RUN sh <<E2 && b\na\nE2\n", SH "sh <<E2 && b\na\nE2\n"},
        {"RUN <<-E3 cat\n\tt $A\n\tE3\n", SH "<<-E3 cat\n\tt $A\nE3\n"},
        {"RUN <<E4 a; <<E5 b\nx\nE4\ny\nE5\n", SH "<<E4 a; <<E5 b\nx\nE4\ny\nE5\n"},
        {"RUN <<\"E6\"\na\nE6\nRUN b", SH "a\n\n" SH "b\n"},
        {"RUN --network=none <<E7\n# no comment\nE7\n", SH "# no comment\n\n"},
        {"RUN a <<<b\nRUN c", SH "a <<<b\n" SH "c\n"},
        {"COPY <<A <<B /d/\na\nA\nb\nB\nRUN c", "stage-0|COPY <<A <<B /d/\n" SH "c\n"},
        {"RUN <<OPEN\nnever closed", SH "never closed\n\n"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++)
        assert_told("FROM x\n", cases[i].text, cases[i].told);
}

static void test_variables(void **state)
{
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"FROM x\nARG A=1\nCOPY $A ${A}b $A_ /", "stage-0|COPY 1 1b * /\n"},
        {"FROM x\nARG SERVICE=api\nCOPY $SERVICE /",
         "stage-0|COPY w2 /\n"}, /* the build's goes before */
        {"FROM x\nARG SERVICE\nCOPY $SERVICE /", "stage-0|COPY w2 /\n"},
        {"FROM x\nCOPY $SERVICE /", "stage-0|COPY * /\n"}, /* not asked for in this stage */
        {"ARG G=g\nFROM x\nCOPY $G /\nARG G\nCOPY $G /", "stage-0|COPY * /\nstage-0|COPY g /\n"},
        {"FROM x\nARG N\nCOPY a$N /", "stage-0|COPY a /\n"},
        {"FROM x\nARG TARGETARCH\nCOPY $TARGETARCH/x /", "stage-0|COPY */x /\n"},
        {"FROM x\nARG A=1\nENV A=2\nCOPY $A /", "stage-0|COPY 2 /\n"},
        {"FROM x\nENV A=1 B=\"b b\" C=c\\ c\nCOPY $A $B $C /", "stage-0|COPY 1 b b c c /\n"},
        {"FROM x\nENV A old form\nCOPY $A /", "stage-0|COPY old form /\n"},
        {"FROM x\nENV A=1\nENV B=$A$A\nCOPY $B /", "stage-0|COPY 11 /\n"},
        {"FROM x\nARG E=\nCOPY ${E:-d}${E-d} ${N:-n} ${E:+p}${E+p}${N+p} /",
         "stage-0|COPY d n p /\n"},
        {"FROM x\nARG A=1\nCOPY ${N:-${A}} ${A%x} /", "stage-0|COPY 1 * /\n"},
        {"FROM x\nARG A=1\nCOPY '$A' \"$A\" \\$A a$ ${A /",
         "stage-0|COPY '$A' \"1\" $A a$ ${A /\n"},
        {"FROM x\nWORKDIR /a\nENV D=d\nWORKDIR $D", "stage-0|WORKDIR /a\nstage-0|WORKDIR d\n"},
        {"ARG BASE=b\nFROM x AS given\nENV A=1\nFROM $BASE\nCOPY $A /", "stage-1|COPY 1 /\n"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++)
        assert_told("", cases[i].text, cases[i].told);
}

static void test_stages(void **state)
{
    static const char text[] = "FROM x AS Base\nRUN base\n"
                               "FROM base\nRUN one\n"
                               "FROM y AS other\nRUN other\n"
                               "FROM z AS mounted\nRUN mounted\n"
                               "FROM z\nCOPY --chmod=1 --from=other /a /\n"
                               "RUN --mount=type=bind,from=mounted,target=/m four\n"
                               "FROM 1 AS end\nRUN end\n";
    static const struct {
        const char *target, *told;
    } cases[] = {
        {NULL, "base|" EXEC "/bin/sh -c base\nstage-1|" EXEC "/bin/sh -c one\n"
               "end|" EXEC "/bin/sh -c end\n"},
        {"BASE", "base|" EXEC "/bin/sh -c base\n"},
        {"4", "other|" EXEC "/bin/sh -c other\nmounted|" EXEC "/bin/sh -c mounted\n"
              "stage-4|COPY --chmod=1 --from=other /a /\nstage-4|" EXEC "/bin/sh -c four\n"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++) {
        char *got = told(text, cases[i].target);
        assert_string_equal(got, cases[i].told);
        free(got);
    }
    char *all = told(text, "no such"); /* then any may be meant */
    assert_non_null(strstr(all, "mounted|"));
    assert_non_null(strstr(all, "end|"));
    free(all);
}

static void test_cache_mounts(void **state)
{
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"RUN --mount=type=cache,target=/app/target a", SH "a\n@//app/target /app/target\n"},
        {"RUN --mount=type=cache,id=x,target=/t a", SH "a\n@/x /t\n"},
        {"RUN --mount=type=cache,target=rel/../r a", SH "a\n@/r rel/../r\n"},
        {"RUN --mount=type=cache,dst=/d/./e/ a", SH "a\n@//d/e /d/./e/\n"},
        {"RUN --mount=type=cache,destination=/../f a", SH "a\n@//f /../f\n"},
        {"ARG I=i\nRUN --mount=type=cache,id=$I-$N,sharing=locked,target=/t a", SH "a\n@/i-* /t\n"},
        {"RUN --mount=\"type=cache,target=/q q\" a", SH "a\n@//q q /q q\n"},
        {"RUN --mount=type=bind,target=/b --mount=type=secret,id=s --mount=target=/n a", SH "a\n"},
        {"RUN --mount=type=cache a", SH "a\n"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(cases); i++)
        assert_told("FROM x\n", cases[i].text, cases[i].told);
}

/* Built by Docker Engine 26.1.5; what its records were then called. */
static void test_an_odd_one(void **state)
{
    static const char text[] =
        "# escape=`\n"
        "ARG BASE=local/base:1\n"
        "FROM ${BASE} as One\n"
        "SHELL [\"/bin/sh\", \"-e\", \"-c\"]\n"
        "ARG A=aa\n"
        "ARG TARGETARCH\n"
        "ENV E=ee F=\"f f\"\n"
        "RUN <<E1\n"
        "#!/bin/sh\n"
        "echo shebang >/s1\n"
        "E1\n"
        "RUN sh <<E2 && echo after >/s2\n"
        "echo in >/s3\n"
        "E2\n"
        "RUN <<-E3 cat >/s4\n"
        "\ttabbed $A\n"
        "\tE3\n"
        "RUN <<E4 cat >/s5; <<E5 cat >/s6\n"
        "four\n"
        "E4\n"
        "five\n"
        "E5\n"
        "RUN [\"/bin/busybox\", \"touch\", \"/exec form\"]\n"
        "run   echo   lower   case    `\n"
        "# comment\n"
        "  and $A ${E} '$E' \\$A >/s7   `\n"
        "\n"
        "  && true\n"
        "WORKDIR ${E:-x}/sub\n"
        "COPY --chmod=644 f.txt   \"$A-${B:-def}-$F\"   ./\n"
        "COPY [\"f.txt\", \"/json form\"]\n"
        "ADD f.txt amd64/x\n"
        "COPY <<C1 <<'C2' /heredoc/\n"
        "body $A\n"
        "C1\n"
        "raw $A\n"
        "C2\n"
        "FROM one\n"
        "ONBUILD RUN echo never\n"
        "RUN --mount=type=cache,target=rel --mount=type=cache,id=$A-id,dst=/d/../e "
        "--mount=type=bind,from=one,target=/b --mount=type=cache,target=/q --network=none echo $E "
        ">/s8\n"
        "USER 1000\n";
#define ONE "one|" EXEC "/bin/sh -e -c "
    (void)state;
    char *got = told(text, NULL);
    assert_string_equal(
        got, ONE "/dev/pipes/E1\n" ONE "sh <<E2 && echo after >/s2\necho in >/s3\nE2\n" ONE
                 "<<-E3 cat >/s4\n\ttabbed $A\nE3\n" ONE
                 "<<E4 cat >/s5; <<E5 cat >/s6\nfour\nE4\nfive\nE5\n"
                 "one|" EXEC "/bin/busybox touch /exec form\n" ONE
                 "echo   lower   case      and $A ${E} '$E' \\$A >/s7     && true\n"
                 "one|WORKDIR ee/sub\n"
                 "one|COPY --chmod=644 f.txt   \"aa-def-f f\"   ./\n" /* there without the quotes */
                 "one|COPY [\"f.txt\", \"/json form\"]\n"
                 "one|ADD f.txt amd64/x\n"
                 "one|COPY <<C1 <<'C2' /heredoc/\n"
                 "stage-1|" EXEC "/bin/sh -e -c echo $E >/s8\n"
                 "@/rel rel\n@/aa-id /d/../e\n@//q /q\n");
    free(got);
}

static void test_limits(void **state)
{
    struct recipe *recipe;
    struct err err;
    struct buf text = {0};
    (void)state;
    buf_append_str(&text, "FROM x\nENV A=0123456789\n");
    for (int i = 0; i < 40; i++) /* would be 10 * 2^40 bytes */
        buf_append_str(&text, "ENV A=$A$A\n");
    buf_append_str(&text, "COPY $A$A$A /\n");
    char *got = told(text.data, NULL);
    assert_string_equal(got, "stage-0|COPY * /\n");
    free(got);
    buf_clear(&text);
    for (int i = 0; i < 300; i++)
        buf_append_str(&text, "FROM x\n");
    for (int i = 0; i < RECIPE_STEPS_MAX + 1; i++)
        buf_append_str(&text, "RUN a\n");
    assert_int_equal(recipe_parse(text.data, text.len, NULL, NULL, 0, &recipe, &err), ERR_LIMIT);
    char *large = mem_zalloc(RECIPE_BYTES_MAX + 1);
    assert_int_equal(recipe_parse(large, RECIPE_BYTES_MAX + 1, NULL, NULL, 0, &recipe, &err),
                     ERR_LIMIT);
    free(large);
    buf_done(&text);
    assert_true(recipe_read("/nonexistent", NULL, NULL, 0, &recipe, &err) < 0);
    assert_true(recipe_read("/dev/zero", NULL, NULL, 0, &recipe, &err) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_and_words), cmocka_unit_test(test_heredocs),
        cmocka_unit_test(test_variables),       cmocka_unit_test(test_stages),
        cmocka_unit_test(test_cache_mounts),    cmocka_unit_test(test_an_odd_one),
        cmocka_unit_test(test_limits),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
