#include "tui/kit/theme.h"

static const struct glyphs unicode = {
    .horizontal = "─",
    .vertical = "│",
    .top_left = "┌",
    .top_right = "┐",
    .bottom_left = "└",
    .bottom_right = "┘",
    .tee_left = "├",
    .tee_right = "┤",
    .tee_top = "┬",
    .tee_bottom = "┴",
    .cursor = "▸",
    .mark = "●",
    .dot = "·",
    .ellipsis = "…",
    .arrow = "▸",
    .open = "▾",
    .up = "▲",
    .down = "▼",
    .waiting = "·",
    .running = "▶",
    .done = "✓",
    .cached = "≡",
    .failed = "✗",
    .cancelled = "⊘",
    .gauge_full = "▆",
    .gauge_empty = "▁",
    .spark = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"},
    .bar = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"},
};

static const struct glyphs plain = {
    .horizontal = "-",
    .vertical = "|",
    .top_left = "+",
    .top_right = "+",
    .bottom_left = "+",
    .bottom_right = "+",
    .tee_left = "+",
    .tee_right = "+",
    .tee_top = "+",
    .tee_bottom = "+",
    .cursor = ">",
    .mark = "*",
    .dot = "-",
    .ellipsis = "~",
    .arrow = ">",
    .open = "v",
    .up = "^",
    .down = "v",
    .waiting = ".",
    .running = ">",
    .done = "+",
    .cached = "=",
    .failed = "x",
    .cancelled = "-",
    .gauge_full = "#",
    .gauge_empty = ".",
    .spark = {"_", ".", "-", "-", "=", "+", "*", "#"},
    .bar = {"", "", "", "", "=", "=", "=", "=", "#"},
};

struct look {
    attr_t mono;                  /* without colours */
    attr_t color;                 /* beside the colour */
    short foreground, background; /* -1: the terminal's own */
};

static const struct look looks[STYLES] = {
    [STYLE_NORMAL] = {A_NORMAL, A_NORMAL, -1, -1},
    [STYLE_DIM] = {A_DIM, A_DIM, -1, -1},
    [STYLE_BOLD] = {A_BOLD, A_BOLD, -1, -1},
    [STYLE_TITLE] = {A_BOLD, A_BOLD, COLOR_CYAN, -1},
    [STYLE_BORDER] = {A_NORMAL, A_DIM, -1, -1},
    [STYLE_KEY] = {A_BOLD, A_BOLD, COLOR_CYAN, -1},
    [STYLE_GOOD] = {A_NORMAL, A_NORMAL, COLOR_GREEN, -1},
    [STYLE_WARN] = {A_BOLD, A_NORMAL, COLOR_YELLOW, -1},
    [STYLE_BAD] = {A_BOLD, A_BOLD, COLOR_RED, -1},
    [STYLE_ACCENT] = {A_NORMAL, A_NORMAL, COLOR_CYAN, -1},
    [STYLE_CURSOR] = {A_REVERSE, A_REVERSE, -1, -1},
    [STYLE_CURSOR_AWAY] = {A_BOLD, A_BOLD, -1, -1},
    [STYLE_MATCH] = {A_REVERSE, A_NORMAL, COLOR_BLACK, COLOR_YELLOW},
    [STYLE_HIT] = {A_REVERSE | A_BOLD, A_BOLD, COLOR_WHITE, COLOR_MAGENTA},
};

static bool open_colors(bool no_color, short *ret_background)
{
    if (no_color || !has_colors() || start_color() != OK || COLORS < 8 || COLOR_PAIRS < 32)
        return false;
    /* A terminal that cannot keep its own colours gets black behind all. */
    *ret_background = use_default_colors() == OK ? -1 : COLOR_BLACK;
    return true;
}

void theme_init(struct theme *theme, bool ascii, bool no_color, bool utf8)
{
    *theme = (struct theme){.utf8 = utf8, .ascii = ascii || !utf8};
    theme->glyphs = theme->ascii ? &plain : &unicode;
    short own = -1, next = 1;
    theme->colors = open_colors(no_color, &own);
    for (int i = 0; i < STYLES; i++) {
        const struct look *look = &looks[i];
        theme->attributes[i] = theme->colors ? look->color : look->mono;
        if (!theme->colors || (look->foreground < 0 && look->background < 0))
            continue;
        init_pair(next, look->foreground, look->background < 0 ? own : look->background);
        theme->pairs[i] = next++;
    }
    if (!theme->colors)
        return;
    theme->sgr_pairs = next;
    for (short i = 0; i < 8; i++)
        init_pair((short)(next + i), i, own);
}

attr_t theme_sgr(const struct theme *theme, const struct sgr_run *run, short *ret_pair)
{
    *ret_pair = 0;
    if (theme->sgr_pairs > 0 && run->foreground >= 0)
        *ret_pair = (short)(theme->sgr_pairs + run->foreground);
    return (run->bold ? A_BOLD : A_NORMAL) | (run->dim ? A_DIM : A_NORMAL) |
           (run->underline ? A_UNDERLINE : A_NORMAL) | (run->reverse ? A_REVERSE : A_NORMAL);
}
