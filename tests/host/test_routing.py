"""Route templates, after ASP.NET Core's."""

import pytest

from emulator.host.errors import HostError
from emulator.host.routing import RouteTemplate, most_exact


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("api/jobs", "/api/jobs", {}),
        ("api/jobs", "/api/jobs/1", None),
        ("api/jobs/{id}", "/api/jobs", None),
        ("api/jobs/{id}", "/api/jobs/a.b%3Ac", {"id": "a.b:c"}),
        ("api/jobs/{id}", "/api/jobs/a%2Fb%20c", {"id": "a%2Fb c"}),
        ("api/jobs/{id?}", "/api/jobs", {}),
        (
            "api/jobs/{id:guid}",
            "/api/jobs/5d0f4f5e-0000-0000-0000-000000000001",
            {"id": "5d0f4f5e-0000-0000-0000-000000000001"},
        ),
        ("api/jobs/{id:guid}", "/api/jobs/5d0f4f5e", None),
        ("api/jobs/{id:int?}", "/api/jobs/-7", {"id": "-7"}),
        ("api/jobs/{id:int?}", "/api/jobs/x", None),
        ("api/report-{year:int}.csv", "/api/report-2026.csv", {"year": "2026"}),
        ("api/report-{year:int}.csv", "/api/report-new.csv", None),
        ("api/{*rest}", "/api/a/b", {"rest": "a/b"}),
        ("api/{*rest}", "/api", {}),
    ],
)
def test_matches_paths(template: str, path: str, expected: dict[str, str] | None) -> None:
    """A path matches as a whole or not at all, and gives its decoded parameters."""
    assert RouteTemplate.parse(template).match(path) == expected


@pytest.mark.parametrize(
    "template", ["api/{id:regex(x)}", "api/{id", "api/{}", "api/{id=5}", "api/a{id?}", "api/{id}/{id}"]
)
def test_refuses_templates_it_would_misread(template: str) -> None:
    """What is not served is an error at start, not a route that never matches."""
    with pytest.raises(HostError, match="route"):
        RouteTemplate.parse(template)


def test_the_more_exact_template_comes_first() -> None:
    """Text before a constrained parameter before a free one before a catch-all."""
    texts = ["a/{*rest}", "a/{x}", "a/{x:int}", "a/b{x}", "a/b"]
    ordered = most_exact((RouteTemplate.parse(text), None) for text in texts)
    assert [template.text for template, _ in ordered] == ["a/b", "a/b{x}", "a/{x:int}", "a/{x}", "a/{*rest}"]
