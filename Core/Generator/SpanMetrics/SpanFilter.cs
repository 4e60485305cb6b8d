using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Generator.SpanMetrics;

/// <summary>
/// The compiled filter policies of a processor. A span is dropped if any <c>exclude</c> matches; otherwise it is kept if any
/// <c>include_any</c> matches; otherwise it is kept if all <c>include</c> match, or if there is no policy that includes.
/// </summary>
internal sealed class SpanFilter
{
    private readonly SpanCondition[][] _include;
    private readonly SpanCondition[][] _includeAny;
    private readonly SpanCondition[][] _exclude;

    /// <exception cref="ArgumentException">A policy is not valid; the message says why.</exception>
    public SpanFilter(IReadOnlyList<FilterPolicyOptions> policies)
    {
        _include = [.. policies.Where(p => p.Include is not null).Select(p => Compile(p.Include!))];
        _includeAny = [.. policies.Where(p => p.IncludeAny is not null).Select(p => Compile(p.IncludeAny!))];
        _exclude = [.. policies.Where(p => p.Exclude is not null).Select(p => Compile(p.Exclude!))];
        TakesAll = _include.Length + _includeAny.Length + _exclude.Length == 0;
    }

    /// <summary>Whether there is no policy, so that every span is kept.</summary>
    public bool TakesAll { get; }

    /// <summary>Called before the spans of a resource, so that its attributes are tested once and not for each span.</summary>
    public void BeginResource(SpanBatch batch, int resource)
    {
        if (TakesAll)
            return;
        foreach (var policies in (ReadOnlySpan<SpanCondition[][]>)[_exclude, _includeAny, _include])
        {
            foreach (var policy in policies)
            {
                foreach (var condition in policy)
                    condition.BeginResource(batch, resource);
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

    private static SpanCondition[] Compile(PolicyMatchOptions match) =>
        [.. match.Attributes.Select(attribute => SpanCondition.Create(match.MatchType, attribute))];

    private static bool Matches(SpanCondition[] conditions, SpanBatch batch, in SpanRecord span)
    {
        foreach (var condition in conditions)
        {
            if (!condition.Matches(batch, span))
                return false;
        }

        return true;
    }
}
