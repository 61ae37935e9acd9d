#ifndef CMEMORY_H
#define CMEMORY_H

/// From now on, memory that can't be had calls `handler`, once, with how many bytes were asked for; it
/// does not return. Swift's own programs would print a trace and abort, and libraries take it for
/// damaged input.
void minivm_on_memory_shortage(void (*_Nonnull handler)(long bytes));

#endif
