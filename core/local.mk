# From the bottom up: each folder may include those above it in this list.
include $(top_srcdir)/core/base/local.mk
include $(top_srcdir)/core/settings/local.mk
include $(top_srcdir)/core/cache/local.mk
include $(top_srcdir)/core/engine/local.mk
include $(top_srcdir)/core/build/local.mk
include $(top_srcdir)/core/store/local.mk
include $(top_srcdir)/core/bench/local.mk
include $(top_srcdir)/core/prune/local.mk
include $(top_srcdir)/core/doctor/local.mk

include $(top_srcdir)/core/bilge/local.mk
