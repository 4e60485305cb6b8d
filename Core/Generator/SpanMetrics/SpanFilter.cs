using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Generator.SpanMetrics;

/// <summary>
/// The filter policies of a processor, compiled. A span is left out when any <c>exclude</c> matches; else taken when any
/// <c>include_any</c> matches; else taken when all <c>include</c> match, or there is neither kind of inclusion.
/// </summary>
internal sealed class SpanFilter
{
    private readonly SpanTest[][] _include;
    private readonly SpanTest[][] _includeAny;
    private readonly SpanTest[][] _exclude;

    /// <exception cref="ArgumentException">A policy is not valid; the message says why.</exception>
    public SpanFilter(IReadOnlyList<FilterPolicyOptions> policies)
    {
        _include = [.. policies.Where(p => p.Include is not null).Select(p => Compile(p.Include!))];
        _includeAny = [.. policies.Where(p => p.IncludeAny is not null).Select(p => Compile(p.IncludeAny!))];
        _exclude = [.. policies.Where(p => p.Exclude is not null).Select(p => Compile(p.Exclude!))];
        TakesAll = _include.Length + _includeAny.Length + _exclude.Length == 0;
    }

    /// <summary>Whether there is nothing to test.</summary>
    public bool TakesAll { get; }

    /// <summary>The spans that follow are of this resource: what is asked of it is asked once, and not for each of them.</summary>
    public void BeginResource(SpanBatch batch, int resource)
    {
        if (TakesAll)
            return;
        foreach (var policies in (ReadOnlySpan<SpanTest[][]>)[_exclude, _includeAny, _include])
        {
            foreach (var policy in policies)
            {
                foreach (var test in policy)
                    test.BeginResource(batch, resource);
            }
        }
    }

    public bool Takes(SpanBatch batch, in SpanRecord span)
    {
        if (TakesAll)
            return true;
        foreach (var policy in _exclude)
        {
            if (Matches(policy, batch, span))
                return false;
        }

        foreach (var policy in _includeAny)
        {
            if (Matches(policy, batch, span))
                return true;
        }

        foreach (var policy in _include)
        {
            if (!Matches(policy, batch, span))
                return false;
        }

        return _include.Length > 0 || _includeAny.Length == 0;
    }

    private static SpanTest[] Compile(PolicyMatchOptions match) =>
        [.. match.Attributes.Select(attribute => SpanTest.Create(match.MatchType, attribute))];

    private static bool Matches(SpanTest[] tests, SpanBatch batch, in SpanRecord span)
    {
        foreach (var test in tests)
        {
            if (!test.Matches(batch, span))
                return false;
        }

        return true;
    }
}
