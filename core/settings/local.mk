libbilge_a_SOURCES += \
	core/settings/settings.c core/settings/settings.h \
	core/settings/settings_file.c \
	core/settings/settings_text.c
