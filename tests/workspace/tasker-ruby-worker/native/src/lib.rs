//! The steps for the Ruby worker, behind a C interface of three functions. Text is UTF-8 and ends with a NUL byte. No
//! panic crosses the border: Ruby would die of it.

use serde_json::{Value, json};
use std::ffi::{CStr, CString, c_char};
use std::panic::catch_unwind;

/// The version of this library. Lives as long as the library is loaded; not to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn tasker_native_version() -> *const c_char {
    const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version holds no NUL byte"),
    };
    VERSION.as_ptr()
}

/// Runs a step on a payload in JSON. Gives JSON that the caller passes to `tasker_native_free`: `{"ok": result}` or
/// `{"error": "why not"}`.
///
/// # Safety
/// Both arguments are null, or point to text that stays as it is during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_native_run_step(step: *const c_char, payload: *const c_char) -> *mut c_char {
    // SAFETY: the caller's promise is the one that text() asks for.
    let arguments = unsafe { (text(step), text(payload)) };
    let answer = catch_unwind(|| run(arguments)).unwrap_or_else(|_| Err("the step panicked".to_owned()));
    let answer = match answer {
        Ok(result) => json!({ "ok": result }),
        Err(error) => json!({ "error": error }),
    };
    // JSON writes a NUL byte as \u0000, so there is none in the text.
    CString::new(answer.to_string()).unwrap_or_default().into_raw()
}

/// Takes back what `tasker_native_run_step` gave. Null is fine.
///
/// # Safety
/// The pointer came from `tasker_native_run_step` and has not been freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_native_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: by the caller's promise it came from CString::into_raw.
        drop(unsafe { CString::from_raw(text) });
    }
}

type Argument<'a> = Result<&'a str, &'static str>;

/// # Safety
/// The pointer is null, or points to text that ends with a NUL byte and outlives the reference.
unsafe fn text<'a>(pointer: *const c_char) -> Argument<'a> {
    if pointer.is_null() {
        return Err("null instead of text");
    }
    // SAFETY: not null, and the rest is the caller's promise.
    unsafe { CStr::from_ptr(pointer) }.to_str().map_err(|_| "text that is not UTF-8")
}

fn run((step, payload): (Argument<'_>, Argument<'_>)) -> Result<Value, String> {
    let payload = serde_json::from_str(payload?).map_err(|error| format!("payload: {error}"))?;
    tasker_core::run_step(step?, &payload).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr::null;

    fn call(step: *const c_char, payload: *const c_char) -> Value {
        // SAFETY: the tests give null or literals, and free what they got once.
        unsafe {
            let answer = tasker_native_run_step(step, payload);
            let value = serde_json::from_slice(CStr::from_ptr(answer).to_bytes()).unwrap();
            tasker_native_free(answer);
            value
        }
    }

    #[test]
    fn a_step_is_run() {
        let answer = call(c"summary".as_ptr(), c"{\"values\": [1, 3]}".as_ptr());
        assert_eq!(answer["ok"]["mean"], 2.0);
    }

    #[test]
    fn what_cannot_be_run_is_an_error_and_no_crash() {
        let table = [
            (c"sing".as_ptr(), c"{}".as_ptr(), r#"no such step: "sing""#),
            (c"summary".as_ptr(), c"{".as_ptr(), "payload: EOF while parsing an object at line 1 column 1"),
            (null(), c"{}".as_ptr(), "null instead of text"),
            (c"summary".as_ptr(), null(), "null instead of text"),
            (c"summary".as_ptr(), c"\xff".as_ptr(), "text that is not UTF-8"),
        ];
        for (step, payload, expected) in table {
            assert_eq!(call(step, payload)["error"], expected);
        }
    }

    #[test]
    fn freeing_nothing_is_fine() {
        // SAFETY: null is allowed.
        unsafe { tasker_native_free(std::ptr::null_mut()) };
    }

    #[test]
    fn the_version_is_the_crates() {
        // SAFETY: it points to a constant.
        let version = unsafe { CStr::from_ptr(tasker_native_version()) };
        assert_eq!(version.to_str(), Ok(env!("CARGO_PKG_VERSION")));
    }
}
