#include "core/cache/tally.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/cache/crew.h"

bool apart_has(const struct apart *apart, uint64_t dev, uint64_t ino)
{
    for (size_t i = 0; apart != NULL && i < apart->len; i++)
        if (apart->items[i].dev == dev && apart->items[i].ino == ino)
            return true;
    return false;
}

void apart_copy(struct apart *ret_copy, const struct apart *from)
{
    *ret_copy = (struct apart){0};
    if (from == NULL || from->len == 0)
        return;
    ret_copy->items = mem_alloc(from->len * sizeof *from->items);
    ret_copy->len = from->len;
    memcpy(ret_copy->items, from->items, from->len * sizeof *from->items);
}

void tally_init(struct tally *tally, uint64_t dev, void (*on_end)(struct tally *tally))
{
    size_t depth = crew_descriptors() / 4; /* two threads, and the levels that wait */
    *tally = (struct tally){
        .dev = dev, .depth_max = depth > 1 ? (int)depth : 1, .on_end = on_end};
    atomic_init(&tally->tasks, 0);
    pthread_mutex_init(&tally->lock, NULL);
}

void tally_done(struct tally *tally)
{
    for (size_t i = 0; i < tally->leftovers_len; i++)
        free(tally->leftovers[i].name);
    free(tally->leftovers);
    links_done(&tally->links);
    pthread_mutex_destroy(&tally->lock);
}

void tally_hold(struct tally *tally)
{
    atomic_fetch_add(&tally->tasks, 1);
}

void tally_release(struct tally *tally)
{
    if (atomic_fetch_sub(&tally->tasks, 1) == 1)
        tally->on_end(tally);
}

void tally_error(struct tally *tally, int code, const char *action, const char *name)
{
    struct buf clean = {0};
    text_clean(&clean, name, strlen(name));
    pthread_mutex_lock(&tally->lock);
    if (tally->errors++ == 0)
        err_sys(&tally->error, code, "%s %s", action, clean.data != NULL ? clean.data : "");
    pthread_mutex_unlock(&tally->lock);
    buf_done(&clean);
}

void tally_count(struct tally *tally, struct subtotal *subtotal, const struct fs_stat *stat)
{
    subtotal->files++;
    subtotal->directories += stat->type == FS_DIR;
    if (stat->modified_at > subtotal->modified_at)
        subtotal->modified_at = stat->modified_at;
    if (stat->nlink <= 1 || stat->type == FS_DIR) {
        subtotal->plain_bytes += stat->allocated_bytes;
        return;
    }
    pthread_mutex_lock(&tally->lock);
    links_add(&tally->links, stat->ino, stat->nlink, stat->allocated_bytes,
              (uint8_t)subtotal->region);
    pthread_mutex_unlock(&tally->lock);
}

void tally_add(struct tally *tally, const struct subtotal *subtotal)
{
    pthread_mutex_lock(&tally->lock);
    tally->files += subtotal->files;
    tally->directories += subtotal->directories;
    tally->plain_bytes[subtotal->region] += subtotal->plain_bytes;
    if (subtotal->leftover != TREE_NO_LEFTOVER) {
        struct cache_leftover *leftover = &tally->leftovers[subtotal->leftover];
        leftover->allocated_bytes += subtotal->plain_bytes;
        if (subtotal->modified_at > leftover->modified_at)
            leftover->modified_at = subtotal->modified_at;
    }
    pthread_mutex_unlock(&tally->lock);
}
