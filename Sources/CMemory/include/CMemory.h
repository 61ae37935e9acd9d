#ifndef CMEMORY_H
#define CMEMORY_H

/// From now on, memory that can't be had calls `handler`, once, with how many bytes were asked for, a
/// thread that can't be had, with 0, and a file of /proc that libdispatch can't open, with -1; it does not
/// return. Otherwise Swift prints a trace and aborts, libraries take it for damaged input, and libdispatch
/// waits for ever or traps.
void minivm_on_memory_shortage(void (*_Nonnull handler)(long bytes));

#endif
