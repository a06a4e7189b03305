/**
 * The beginning of a Python program that no SIGSTOP stops: its own timer sends it SIGCONT every 5 ms. Defines `libc`
 * and `signal`.
 */
export const WAKES_ITSELF = `
import ctypes, signal
signal.signal(signal.SIGCONT, lambda *_: None)
libc = ctypes.CDLL(None)
class Event(ctypes.Structure):
    _fields_ = [("value", ctypes.c_void_p), ("signo", ctypes.c_int), ("notify", ctypes.c_int), ("pad", ctypes.c_char * 48)]
timer = ctypes.c_void_p()
assert libc.timer_create(1, ctypes.byref(Event(None, signal.SIGCONT, 0)), ctypes.byref(timer)) == 0
assert libc.timer_settime(timer, 0, (ctypes.c_long * 4)(0, 5000000, 0, 5000000), None) == 0
`;
