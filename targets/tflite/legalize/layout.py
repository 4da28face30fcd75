"""placeholder"""


def simplify(graph):
    pass
