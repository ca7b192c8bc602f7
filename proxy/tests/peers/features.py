"""What a driver can do, one function each: their results are printed, to be compared."""

FEATURES = []


def feature(function):
    FEATURES.append(function)
    return function


def tell(*arguments):
    """Runs all of them and prints a line for each."""
    for function in FEATURES:
        try:
            result = function(*arguments)
        except Exception as error:  # noqa: BLE001: whatever it is, it is compared
            result = ("raised", type(error).__name__, str(error))
        print(f"{function.__name__}: {result!r}")


def dsn(arguments):
    """`key=value …`, as libpq writes it."""
    return dict(word.split("=", 1) for word in arguments)
