/* The expression becomes a small program (Thompson's construction), and all the
 * places of it that can be reached with what was read so far move through the
 * text together:
 *
 *     a(b|c)+    0 RUNE a    1 SPLIT 2 4    2 RUNE b    3 JUMP 5
 *                4 RUNE c    5 SPLIT 1 6    6 MATCH
 *
 * Targets are kept relative, so that a repetition can copy what it repeats. */
#include "core/prune/expression.h"

#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include "core/base/mem.h"
#include "core/base/text.h"

#define TEXT_MAX 1024     /* bytes; longer ones are slips */
#define PROGRAM_MAX 600   /* instructions */
#define GROUPS_MAX 64     /* one in the other */
#define NOT_UTF8 0x110000 /* and above: a byte that is no character */

enum op { OP_RUNE, OP_ANY, OP_SET, OP_SPLIT, OP_JUMP, OP_ASSERT, OP_MATCH };
enum place { AT_START, AT_END, AT_EDGE, AT_NO_EDGE, AT_WORD_START, AT_WORD_END };

struct instruction {
    enum op op;
    int16_t first, second; /* of SPLIT, JUMP (first): how far to go */
    uint32_t value;        /* a rune, the index of a set, an enum place */
};

struct range {
    uint32_t first, last;
};

struct set {
    struct range *ranges;
    size_t len, cap;
    wctype_t classes[12];
    size_t classes_len;
    bool negated;
};

struct expression {
    struct instruction *program;
    size_t len, cap;
    struct set *sets;
    size_t sets_len, sets_cap;
};

struct reader {
    struct expression *expression;
    const char *at;
    size_t groups;
    const char *fault; /* NULL: none so far */
};

/* ------------------------------------------------------------------ program */

static void fail(struct reader *reader, const char *fault)
{
    if (reader->fault == NULL)
        reader->fault = fault;
}

static void emit(struct reader *reader, struct instruction instruction)
{
    struct expression *expression = reader->expression;
    if (expression->len == PROGRAM_MAX) {
        fail(reader, "it repeats too much");
        return;
    }
    mem_reserve((void **)&expression->program, &expression->cap, expression->len + 1,
                sizeof *expression->program);
    expression->program[expression->len++] = instruction;
}

/* Before the program's `start`, what stands there moves on. */
static void insert(struct reader *reader, size_t start, struct instruction instruction)
{
    struct expression *expression = reader->expression;
    emit(reader, instruction);
    if (reader->fault != NULL)
        return;
    struct instruction *at = expression->program + start;
    memmove(at + 1, at, (expression->len - 1 - start) * sizeof *at);
    *at = instruction;
}

static void emit_copy(struct reader *reader, size_t start, size_t len)
{
    for (size_t i = 0; i < len && reader->fault == NULL; i++)
        emit(reader, reader->expression->program[start + i]);
}

static struct instruction split(int first, int second)
{
    return (struct instruction){OP_SPLIT, (int16_t)first, (int16_t)second, 0};
}

static uint32_t next_rune(const char **at)
{
    uint32_t rune;
    size_t len = text_decode(*at, strnlen(*at, 4), &rune);
    if (len == 0)
        rune = NOT_UTF8 + (unsigned char)**at;
    *at += len > 0 ? len : 1;
    return rune;
}

/* --------------------------------------------------------------------- sets */

static struct set *add_set(struct expression *expression, bool negated)
{
    mem_reserve((void **)&expression->sets, &expression->sets_cap, expression->sets_len + 1,
                sizeof *expression->sets);
    struct set *set = &expression->sets[expression->sets_len++];
    *set = (struct set){.negated = negated};
    return set;
}

static void add_range(struct set *set, uint32_t first, uint32_t last)
{
    mem_reserve((void **)&set->ranges, &set->cap, set->len + 1, sizeof *set->ranges);
    set->ranges[set->len++] = (struct range){first, last};
}

static void add_class(struct reader *reader, struct set *set, const char *name, size_t len)
{
    char text[16] = "";
    if (len < sizeof text)
        memcpy(text, name, len);
    wctype_t class = wctype(text);
    if (class == 0 || set->classes_len == sizeof set->classes / sizeof set->classes[0])
        fail(reader, "a class such as [:alpha:] is not known");
    else
        set->classes[set->classes_len++] = class;
}

/* One end of a range: a rune, or "[.x.]", "[=x=]" of one rune. */
static uint32_t read_end(struct reader *reader)
{
    char mark = reader->at[0] == '[' ? reader->at[1] : '\0';
    if (mark != '.' && mark != '=')
        return next_rune(&reader->at);
    reader->at += 2;
    uint32_t rune = *reader->at != '\0' ? next_rune(&reader->at) : 0;
    if (reader->at[0] == mark && reader->at[1] == ']')
        reader->at += 2;
    else
        fail(reader, "a name such as [.x.] is not one character");
    return rune;
}

static void read_element(struct reader *reader, struct set *set)
{
    if (reader->at[0] == '[' && reader->at[1] == ':') {
        const char *name = reader->at + 2, *end = strstr(name, ":]");
        if (end == NULL) {
            fail(reader, "[: without :]");
            return;
        }
        add_class(reader, set, name, (size_t)(end - name));
        reader->at = end + 2;
        return;
    }
    uint32_t first = read_end(reader), last = first;
    if (reader->at[0] == '-' && reader->at[1] != ']' && reader->at[1] != '\0') {
        reader->at++;
        last = read_end(reader);
    }
    if (last < first)
        fail(reader, "the range of a set ends before it begins");
    add_range(set, first, last);
}

/* Behind the "[". */
static void read_set(struct reader *reader)
{
    struct expression *expression = reader->expression;
    bool negated = *reader->at == '^';
    reader->at += negated;
    struct set *set = add_set(expression, negated);
    do
        if (*reader->at == '\0')
            fail(reader, "[ without ]");
        else
            read_element(reader, set);
    while (*reader->at != ']' && reader->fault == NULL);
    reader->at += reader->fault == NULL;
    emit(reader, (struct instruction){.op = OP_SET, .value = (uint32_t)expression->sets_len - 1});
}

static bool is_word(uint32_t rune)
{
    return rune == '_' || (rune < NOT_UTF8 && iswalnum((wint_t)rune));
}

static bool set_has(const struct set *set, uint32_t rune)
{
    bool found = false;
    for (size_t i = 0; i < set->len && !found; i++)
        found = rune >= set->ranges[i].first && rune <= set->ranges[i].last;
    for (size_t i = 0; i < set->classes_len && !found; i++)
        found = rune < NOT_UTF8 && iswctype((wint_t)rune, set->classes[i]);
    return found != set->negated;
}

/* ------------------------------------------------------------------ reading */

static void read_alternatives(struct reader *reader);

static void emit_class(struct reader *reader, const char *name, bool underscore, bool negated)
{
    struct set *set = add_set(reader->expression, negated);
    add_class(reader, set, name, strlen(name));
    if (underscore)
        add_range(set, '_', '_');
    emit(reader,
         (struct instruction){.op = OP_SET, .value = (uint32_t)reader->expression->sets_len - 1});
}

/* Behind the "\". */
static void read_escape(struct reader *reader)
{
    static const char places[] = "`'bB<>"; /* in the order of enum place */
    const char *place = *reader->at != '\0' ? strchr(places, *reader->at) : NULL;
    switch (*reader->at) {
    case '\0':
        fail(reader, "nothing stands behind the last \\");
        return;
    case 'w':
    case 'W':
        emit_class(reader, "alnum", true, *reader->at == 'W');
        break;
    case 's':
    case 'S':
        emit_class(reader, "space", false, *reader->at == 'S');
        break;
    default:
        if (*reader->at >= '1' && *reader->at <= '9')
            fail(reader, "it refers back to a group");
        if (place != NULL) {
            emit(reader,
                 (struct instruction){.op = OP_ASSERT, .value = (uint32_t)(place - places)});
            break;
        }
        emit(reader, (struct instruction){.op = OP_RUNE, .value = next_rune(&reader->at)});
        return;
    }
    reader->at++;
}

/* Behind the "(". */
static void read_group(struct reader *reader)
{
    if (reader->groups == GROUPS_MAX) {
        fail(reader, "it has too many groups in groups");
        return;
    }
    reader->groups++;
    read_alternatives(reader);
    reader->groups--;
    if (*reader->at == ')')
        reader->at++;
    else
        fail(reader, "( without )");
}

static void read_atom(struct reader *reader)
{
    char byte = *reader->at;
    if (strchr("*+?{", byte) != NULL) {
        fail(reader, "there is nothing to repeat");
        return;
    }
    if (strchr("([\\.^$", byte) == NULL) {
        emit(reader, (struct instruction){.op = OP_RUNE, .value = next_rune(&reader->at)});
        return;
    }
    reader->at++;
    if (byte == '(')
        read_group(reader);
    else if (byte == '[')
        read_set(reader);
    else if (byte == '\\')
        read_escape(reader);
    else if (byte == '.')
        emit(reader, (struct instruction){.op = OP_ANY});
    else
        emit(reader,
             (struct instruction){.op = OP_ASSERT, .value = byte == '^' ? AT_START : AT_END});
}

/* -------------------------------------------------------------- repetitions */

/* What begins at `start` so often; most -1: without end. */
static void repeat(struct reader *reader, size_t start, int least, int most)
{
    struct expression *expression = reader->expression;
    size_t len = expression->len - start;
    if (most == 0) {
        expression->len = start;
        return;
    }
    for (int i = 1; i < least && reader->fault == NULL; i++)
        emit_copy(reader, start, len);
    if (most < 0 && least > 0) { /* the last of them again and again */
        emit(reader, split(1, -(int)len));
    } else if (least == 0) {
        insert(reader, start, split(1, (int)len + (most < 0 ? 2 : 1)));
        if (most < 0)
            emit(reader, (struct instruction){.op = OP_JUMP, .first = (int16_t)(-(int)len - 1)});
    }
    /* Without the SPLIT before it, when there is one already. */
    size_t body = least == 0 ? start + 1 : start;
    for (int i = least > 0 ? least : 1; i < most && reader->fault == NULL; i++) {
        emit(reader, split(1, (int)len + 1));
        emit_copy(reader, body, len);
    }
}

/* Up to a few digits; -1: there is none. */
static int read_number(struct reader *reader)
{
    int number = isdigit((unsigned char)*reader->at) ? 0 : -1;
    for (; isdigit((unsigned char)*reader->at); reader->at++)
        if (number <= PROGRAM_MAX)
            number = number * 10 + (*reader->at - '0');
    return number;
}

/* Behind the "{". */
static void read_interval(struct reader *reader, size_t start)
{
    int least = read_number(reader), most = least;
    if (*reader->at == ',') {
        reader->at++;
        most = read_number(reader);
    }
    if (*reader->at != '}' || (least < 0 && most < 0) || (most >= 0 && most < least)) {
        fail(reader, "{ is not followed by numbers and }");
        return;
    }
    reader->at++;
    repeat(reader, start, least < 0 ? 0 : least, most);
}

static void read_piece(struct reader *reader)
{
    size_t start = reader->expression->len;
    read_atom(reader);
    while (reader->fault == NULL && *reader->at != '\0' && strchr("*+?{", *reader->at) != NULL) {
        char sign = *reader->at++;
        if (sign == '{')
            read_interval(reader, start);
        else
            repeat(reader, start, sign == '+', sign == '?' ? 1 : -1);
    }
}

static void read_alternative(struct reader *reader)
{
    while (reader->fault == NULL && *reader->at != '\0' && *reader->at != '|' && *reader->at != ')')
        read_piece(reader);
}

static void read_alternatives(struct reader *reader)
{
    struct expression *expression = reader->expression;
    size_t start = expression->len;
    read_alternative(reader);
    while (*reader->at == '|' && reader->fault == NULL) {
        reader->at++;
        /* All before the '|' is one alternative; a jump leads over the next. */
        size_t len = expression->len - start;
        insert(reader, start, split(1, (int)len + 2));
        size_t jump = expression->len;
        emit(reader, (struct instruction){.op = OP_JUMP});
        read_alternative(reader);
        if (reader->fault == NULL)
            expression->program[jump].first = (int16_t)(expression->len - jump);
    }
}

int expression_new(const char *text, struct expression **ret_expression, struct err *err)
{
    if (strlen(text) > TEXT_MAX)
        return err_set(err, ERR_USAGE, "a regular expression of more than %d bytes", TEXT_MAX);
    struct expression *expression = mem_zalloc(sizeof *expression);
    struct reader reader = {.expression = expression, .at = text};
    read_alternatives(&reader);
    if (*reader.at == ')')
        fail(&reader, ") without (");
    emit(&reader, (struct instruction){.op = OP_MATCH});
    if (reader.fault != NULL) {
        expression_free(expression);
        return err_set(err, ERR_USAGE, "\"%s\" can't be used as a regular expression: %s", text,
                       reader.fault);
    }
    *ret_expression = expression;
    return 0;
}

void expression_free(struct expression *expression)
{
    if (expression == NULL)
        return;
    for (size_t i = 0; i < expression->sets_len; i++)
        free(expression->sets[i].ranges);
    free(expression->sets);
    free(expression->program);
    free(expression);
}

/* ----------------------------------------------------------------- matching */

/* Where the program stands at one place of the text. */
struct matcher {
    const struct expression *expression;
    uint16_t waiting[PROGRAM_MAX]; /* instructions that take a rune */
    size_t len;
    uint32_t seen[PROGRAM_MAX]; /* at the place of this number */
    uint32_t place;
    uint32_t before, after; /* runes around it; 0: the text's start, its end */
    bool matched;
};

static bool holds(const struct matcher *matcher, enum place place)
{
    bool before = is_word(matcher->before), after = is_word(matcher->after);
    switch (place) {
    case AT_START:
        return matcher->place == 1;
    case AT_END:
        return matcher->after == 0;
    case AT_EDGE:
        return before != after;
    case AT_NO_EDGE:
        return before == after;
    case AT_WORD_START:
        return !before && after;
    default:
        return before && !after;
    }
}

/* All that can be reached from there without reading on. */
static void follow(struct matcher *matcher, size_t start)
{
    uint16_t stack[2 * PROGRAM_MAX];
    size_t depth = 0;
    stack[depth++] = (uint16_t)start;
    while (depth > 0) {
        size_t at = stack[--depth];
        const struct instruction *instruction = &matcher->expression->program[at];
        if (matcher->seen[at] == matcher->place)
            continue;
        matcher->seen[at] = matcher->place;
        switch (instruction->op) {
        case OP_SPLIT:
            stack[depth++] = (uint16_t)((int)at + instruction->second);
            stack[depth++] = (uint16_t)((int)at + instruction->first);
            break;
        case OP_JUMP:
            stack[depth++] = (uint16_t)((int)at + instruction->first);
            break;
        case OP_ASSERT:
            if (holds(matcher, (enum place)instruction->value))
                stack[depth++] = (uint16_t)(at + 1);
            break;
        case OP_MATCH:
            matcher->matched = true;
            return;
        default:
            matcher->waiting[matcher->len++] = (uint16_t)at;
        }
    }
}

static bool takes(const struct expression *expression, size_t at, uint32_t rune)
{
    const struct instruction *instruction = &expression->program[at];
    return instruction->op == OP_ANY ||
           (instruction->op == OP_RUNE && instruction->value == rune) ||
           (instruction->op == OP_SET && set_has(&expression->sets[instruction->value], rune));
}

/* Where a match could begin: mostly an expression begins with a plain letter, and
 * strchr() is faster than we are. NULL: nowhere. */
static const char *next_start(const struct expression *expression, const char *at)
{
    const struct instruction *first = &expression->program[0];
    return first->op == OP_RUNE && first->value < 0x80 ? strchr(at, (int)first->value) : at;
}

bool expression_matches(const struct expression *expression, const char *text)
{
    struct matcher matcher = {.expression = expression};
    uint16_t moved[PROGRAM_MAX];
    size_t moved_len = 0;
    for (const char *at = text;;) {
        if (moved_len == 0 && (at = next_start(expression, at)) == NULL)
            return false;
        matcher.place++;
        matcher.len = 0;
        matcher.after = *at != '\0' ? next_rune(&at) : 0;
        for (size_t i = 0; i < moved_len && !matcher.matched; i++)
            follow(&matcher, moved[i]);
        if (!matcher.matched)
            follow(&matcher, 0); /* a match may begin anywhere */
        if (matcher.matched || matcher.after == 0)
            return matcher.matched;
        moved_len = 0;
        for (size_t i = 0; i < matcher.len; i++)
            if (takes(expression, matcher.waiting[i], matcher.after))
                moved[moved_len++] = (uint16_t)(matcher.waiting[i] + 1);
        matcher.before = matcher.after;
    }
}
