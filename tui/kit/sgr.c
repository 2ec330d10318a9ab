#include "tui/kit/sgr.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/escape.h"
#include "core/base/text.h"

void sgr_done(struct sgr_line *line)
{
    buf_done(&line->text);
    free(line->runs);
    *line = (struct sgr_line){0};
}

static bool looks_alike(const struct sgr_run *a, const struct sgr_run *b)
{
    return a->foreground == b->foreground && a->bold == b->bold && a->dim == b->dim &&
           a->underline == b->underline && a->reverse == b->reverse;
}

static void add_run(struct sgr_line *line, struct sgr_run run)
{
    run.start = line->text.len;
    if (line->runs_len > 0 && line->runs[line->runs_len - 1].start == run.start)
        line->runs_len--;
    if (line->runs_len > 0 && looks_alike(&line->runs[line->runs_len - 1], &run))
        return;
    mem_reserve((void **)&line->runs, &line->runs_cap, line->runs_len + 1, sizeof *line->runs);
    line->runs[line->runs_len++] = run;
}

/* The nearest of the eight; greys are the terminal's own. */
static signed char nearest(int red, int green, int blue)
{
    int high = red > green ? red : green;
    high = high > blue ? high : blue;
    int low = red < green ? red : green;
    low = low < blue ? low : blue;
    if (high - low < 48)
        return -1;
    int edge = (high + low) / 2;
    return (signed char)((red > edge) | (green > edge) << 1 | (blue > edge) << 2);
}

static signed char of_palette(int n)
{
    static const int levels[] = {0, 95, 135, 175, 215, 255};
    if (n < 16)
        return (signed char)(n % 8);
    if (n > 231)
        return -1;
    n -= 16;
    return nearest(levels[n / 36], levels[n / 6 % 6], levels[n % 6]);
}

/* 38;5;N and 38;2;R;G;B: how many numbers belong to it. */
static size_t extended(const int *numbers, size_t len, signed char *colour)
{
    if (len > 2 && numbers[1] == 5) {
        if (numbers[2] < 256)
            *colour = of_palette(numbers[2]);
        return 3;
    }
    if (len > 4 && numbers[1] == 2) {
        *colour = nearest(numbers[2], numbers[3], numbers[4]);
        return 5;
    }
    return len;
}

static void switch_one(struct sgr_run *run, int n)
{
    switch (n) {
    case 0:
        *run = (struct sgr_run){.foreground = -1};
        break;
    case 1:
        run->bold = true;
        break;
    case 2:
        run->dim = true;
        break;
    case 22:
        run->bold = run->dim = false;
        break;
    case 4:
    case 24:
        run->underline = n == 4;
        break;
    case 7:
    case 27:
        run->reverse = n == 7;
        break;
    case 39:
        run->foreground = -1;
        break;
    default:
        if (n >= 30 && n <= 37)
            run->foreground = (signed char)(n - 30);
        else if (n >= 90 && n <= 97)
            run->foreground = (signed char)(n - 90);
    }
}

static void apply(struct sgr_run *run, const int *numbers, size_t len)
{
    signed char background = -1;
    for (size_t i = 0; i < len; i++) {
        if (numbers[i] == 38)
            i += extended(numbers + i, len - i, &run->foreground) - 1;
        else if (numbers[i] == 48)
            i += extended(numbers + i, len - i, &background) - 1;
        else
            switch_one(run, numbers[i]);
    }
}

static void read_numbers(struct sgr_run *run, const char *text, size_t len)
{
    int numbers[16] = {0};
    size_t count = 1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            if (numbers[count - 1] < 1000)
                numbers[count - 1] = numbers[count - 1] * 10 + (text[i] - '0');
        } else if ((text[i] == ';' || text[i] == ':') && count < 16) {
            count++;
        } else {
            return;
        }
    }
    apply(run, numbers, count);
}

static void last_state(const char **raw, size_t *len)
{
    while (*len > 0 && (*raw)[*len - 1] == '\r')
        --*len;
    size_t start = *len;
    while (start > 0 && (*raw)[start - 1] != '\r')
        start--;
    *raw += start;
    *len -= start;
}

void sgr_parse(struct sgr_line *line, const char *raw, size_t len)
{
    struct sgr_run run = {.foreground = -1};
    buf_clear(&line->text);
    line->runs_len = 0;
    last_state(&raw, &len);
    add_run(line, run);
    for (size_t i = 0; i < len;) {
        const char *escape = memchr(raw + i, '\033', len - i);
        size_t plain = escape != NULL ? (size_t)(escape - raw) - i : len - i;
        text_clean(&line->text, raw + i, plain);
        i += plain;
        if (i >= len)
            break;
        struct escape_colour colour;
        size_t skipped = escape_length(raw + i, len - i, &colour);
        if (skipped == 0)
            text_clean(&line->text, raw + i, 1);
        if (colour.numbers != NULL)
            read_numbers(&run, colour.numbers, colour.len);
        i += skipped > 0 ? skipped : 1;
        add_run(line, run);
    }
    buf_append(&line->text, "", 1);
    line->text.len--;
}
