using System.Globalization;
using System.Text;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Generator.SpanMetrics;

/// <summary>
/// How many spans one sampled span stands for: the adjusted count of tracestate <c>ot=th:…</c> if that is enabled and present,
/// otherwise 1 / the value of an attribute, otherwise 1. An attribute without a usable number is ignored, and counted.
/// Source: OpenTelemetry's tracestate handling (probability sampling thresholds and explicit randomness).
/// </summary>
internal sealed class SpanMultiplier
{
    // A threshold is 56 bits: th:8 rejects half of all randomness values.
    private const int ThresholdDigits = 14;
    private const double MaxThreshold = 1UL << 56;

    private readonly byte[] _key;
    private readonly bool _useTraceState;
    private bool _knowsResource;
    private double? _ofResource;
    private int _ignored;

    public SpanMultiplier(string key, bool useTraceState)
    {
        _key = Encoding.UTF8.GetBytes(key);
        _useTraceState = useTraceState;
        IsOne = key.Length == 0 && !useTraceState;
    }

    /// <summary>Whether every span counts once.</summary>
    public bool IsOne { get; }

    /// <summary>Called before the spans of a resource, so that its attributes are searched once and not for each span.</summary>
    public void BeginResource() => _knowsResource = false;

    /// <summary>The number of attributes ignored since the last call; an attribute of a resource counts once for all its spans.</summary>
    public int TakeIgnored()
    {
        var ignored = _ignored;
        _ignored = 0;
        return ignored;
    }

    /// <summary>The multiplier of a span; finite and greater than 0.</summary>
    public double Of(SpanBatch batch, in SpanRecord span)
    {
        if (IsOne)
            return 1;
        var bytes = batch.Bytes;
        if (_useTraceState && !span.TraceState.IsEmpty
            && FromTraceState(bytes.Slice(span.TraceState.Offset, span.TraceState.Length)) is var adjusted and > 0)
            return adjusted;
        if (_key.Length == 0)
            return 1;
        return Ratio(bytes, batch.Attributes(span)) ?? OfResource(batch, span.Resource) ?? 1;
    }

    private double? OfResource(SpanBatch batch, int resource)
    {
        if (!_knowsResource)
            _ofResource = Ratio(batch.Bytes, batch.Attributes(batch.Resources[resource]));
        _knowsResource = true;
        return _ofResource;
    }

    /// <summary>The adjusted count in a tracestate; 0 if it has no usable one.</summary>
    public static double FromTraceState(ReadOnlySpan<byte> traceState)
    {
        foreach (var range in traceState.Split((byte)','))
        {
            var member = traceState[range].Trim(" \t"u8);
            if (member.StartsWith("ot="u8))
                return FromMember(member[3..]);
        }

        return 0;
    }

    private static double FromMember(ReadOnlySpan<byte> member)
    {
        ulong? threshold = null, randomness = null;
        foreach (var range in member.Split((byte)';'))
        {
            var field = member[range];
            var colon = field.IndexOf((byte)':');
            if (colon <= 0)
                return 0;
            var value = field[(colon + 1)..];
            if (field.StartsWith("th:"u8))
            {
                if (value.Length is 0 or > ThresholdDigits || !IsLowerHex(value))
                    return 0;
                threshold = ulong.Parse(value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) << (4 * (ThresholdDigits - value.Length));
            }
            else if (field.StartsWith("rv:"u8))
            {
                if (value.Length != ThresholdDigits || !IsLowerHex(value))
                    return 0;
                randomness = ulong.Parse(value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            }
        }

        if (threshold is null)
            return 0;
        var count = MaxThreshold / (MaxThreshold - threshold.Value);
        if (randomness is null)
            return count;

        // The randomness value decides whether to round up or down, so that the mean stays right.
        var whole = Math.Floor(count);
        var uniform = (randomness.Value >> 3) / (double)(1UL << 53);
        return uniform < count - whole ? whole + 1 : whole;
    }

    private static bool IsLowerHex(ReadOnlySpan<byte> text) => !text.ContainsAnyExcept("0123456789abcdef"u8);

    private double? Ratio(ReadOnlySpan<byte> bytes, ReadOnlySpan<AttributeRecord> attributes)
    {
        foreach (ref readonly var attribute in attributes)
        {
            if (attribute.Kind != AttributeKind.Double || !bytes.Slice(attribute.Key.Offset, attribute.Key.Length).SequenceEqual(_key))
                continue;
            if (1 / AttributeText.ReadDouble(bytes[attribute.Value.Offset..]) is var count and > 0 and < double.PositiveInfinity)
                return count;
            _ignored++;
        }

        return null;
    }
}
