#include "cli/status_chart.h"

#include <langinfo.h>
#include <stdio.h>
#include <string.h>

#include "core/base/chart.h"
#include "core/base/text.h"

enum { COLUMNS = 48, SLOTS_MIN = 6 };

static const char *const blocks[8] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const plain[8] = {"_", ".", "-", "-", "=", "+", "*", "#"};

static size_t known(const int64_t *slots, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += slots[i] >= 0;
    return count;
}

bool status_chart_wanted(const struct disk *disk)
{
    return disk->day != NULL && disk->mount != NULL &&
           known(disk->day, DISK_DAY_SLOTS) >= SLOTS_MIN;
}

void status_chart_print(const struct disk *disk)
{
    int64_t lowest = chart_lowest(disk->day, DISK_DAY_SLOTS);
    int64_t highest = chart_highest(disk->day, DISK_DAY_SLOTS);
    int64_t above[DISK_DAY_SLOTS]; /* the lowest */
    for (size_t i = 0; i < DISK_DAY_SLOTS; i++)
        above[i] = disk->day[i] < 0 ? -1 : disk->day[i] - lowest;
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    const struct chart chart = {.slots = above, .len = DISK_DAY_SLOTS, .columns = COLUMNS,
                                .rows = 1, .top = highest > lowest ? highest - lowest : 1,
                                .eighths = utf8 ? blocks : plain};
    char low[TEXT_SIZE_SIZE], high[TEXT_SIZE_SIZE];
    struct buf text = {0};
    text_clean(&text, disk->mount, strlen(disk->mount));
    buf_append_str(&text, "  ");
    chart_append_row(&chart, 0, &text);
    printf("%s  %s to %s\n", text.data, text_size(low, lowest), text_size(high, highest));
    buf_done(&text);
}
