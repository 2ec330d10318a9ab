/* Inodes with more than one name, so that each is counted once. Only these are
 * remembered: a tree of single files takes no memory. */
#ifndef BILGE_CACHE_LINKS_H
#define BILGE_CACHE_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link {
    uint64_t ino; /* 0: free slot */
    int64_t allocated_bytes;
    uint32_t nlink;
    uint32_t seen; /* names met so far */
    uint8_t rank;  /* the strongest claim met: the lowest number */
    bool counted;  /* free for the owner's use */
};

struct links {
    struct link *slots;
    size_t len, cap; /* cap: a power of two */
};

void links_done(struct links *links);
/* One more name of the inode. */
void links_add(struct links *links, uint64_t ino, uint32_t nlink, int64_t allocated_bytes,
               uint8_t rank);
/* NULL when it was never added. Valid until the next links_add(). */
struct link *links_find(const struct links *links, uint64_t ino);

#endif
