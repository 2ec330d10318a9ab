#ifndef BILGE_BILGE_H
#define BILGE_BILGE_H
#endif
