using System.Text.Unicode;
using OrleansTempo.Core.Generator.Limits;

namespace OrleansTempo.Core.Generator.SpanNames;

/// <summary>
/// A tenant's <c>span_name_sanitization</c>: replaces span names that differ only in their data by a common template.
/// <code>
///   GET /users/123 ─┬─► GET /users/&lt;_&gt;
///   GET /users/456 ─┘
/// </code>
/// The first name of its kind is left unchanged, because it is not known yet which parts will differ.
/// </summary>
internal sealed class SpanNameSanitizer
{
    // An error of 1.6 %, and 4 KiB per slice of time.
    private const int DemandPrecision = 12;

    // Much longer than series live, so that a name that comes once an hour does not start without a template each time.
    private static readonly long s_forgottenAfterMs = (long)TimeSpan.FromHours(24).TotalMilliseconds;

    private static readonly long s_tidyMs = (long)TimeSpan.FromMinutes(5).TotalMilliseconds;

    private readonly TemplateTree _tree = new();
    private readonly NameCache _cache = new();
    private readonly CardinalityWindow _demand = new(DemandPrecision);
    private long _nowMs;
    private long _tidiedMs;
    private long _sanitized, _tooFew, _tooMany;
    private (long Detected, long Evicted, long Expired) _reported;

    /// <summary>Called before the names of a batch and before the demand is read; expires templates that have not been seen for long.</summary>
    /// <param name="nowMs">Steady milliseconds.</param>
    /// <param name="staleMs">How long a label set counts towards the demand after it was last seen, in milliseconds.</param>
    public void Begin(long nowMs, long staleMs)
    {
        _nowMs = nowMs;
        _demand.Advance(nowMs, staleMs);
        if (nowMs - _tidiedMs < s_tidyMs)
            return;
        _tidiedMs = nowMs;
        _tree.Expire(nowMs - Math.Max(s_forgottenAfterMs, staleMs));
    }

    /// <summary>Returns the name to use instead of this one; valid until the next call.</summary>
    public ReadOnlySpan<byte> Sanitize(ReadOnlySpan<byte> name)
    {
        var hash = Utf8Hash.Of(name);
        if (!_cache.TryGet(name, hash, _tree.Version, out var outcome, out var template))
        {
            // The caller drops a label that is not UTF-8, so there is nothing to learn from it.
            if (!Utf8.IsValid(name))
                return name;
            outcome = _tree.Train(name, _nowMs, out template);
            _cache.Put(name, hash, _tree.Version, outcome, template);
        }

        if (template is null)
        {
            if (outcome == NameOutcome.TooFewTokens)
                _tooFew++;
            else
                _tooMany++;
            return name;
        }

        template.LastSeenMs = _nowMs;
        if (!template.HasParameters || name.SequenceEqual(template.Text))
            return name;
        _sanitized++;
        return template.Text;
    }

    /// <summary>Learns from the span name of a series, which may itself be a template.</summary>
    /// <param name="name">UTF-8.</param>
    /// <param name="seenMs">When it was last seen, steady milliseconds.</param>
    public void Learn(ReadOnlySpan<byte> name, long seenMs) => _tree.Train(name, seenMs, out _, isTemplate: true);

    /// <summary>Counts a label set with a sanitized name towards the demand, by the hash of its key, whether or not its series uses that name.</summary>
    public void AddDemand(ulong hash) => _demand.Add(hash);

    /// <summary>Estimates how many label sets with sanitized names there were recently.</summary>
    public long EstimateDemand()
    {
        var sketch = new HyperLogLog(DemandPrecision);
        _demand.AddTo(sketch);
        return sketch.Estimate();
    }

    /// <summary>Reports what has happened since the last call.</summary>
    public void Report(GeneratorCounters counters)
    {
        counters.SpanNames(_sanitized, _tooFew, _tooMany);
        counters.NameTemplates(_tree.Detected - _reported.Detected, _tree.Evicted - _reported.Evicted, _tree.Expired - _reported.Expired);
        _sanitized = _tooFew = _tooMany = 0;
        _reported = (_tree.Detected, _tree.Evicted, _tree.Expired);
    }
}
