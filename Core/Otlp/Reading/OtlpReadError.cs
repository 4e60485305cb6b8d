namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>Why bytes are not an OTLP trace request: which field, at which byte, and what is wrong with it.</summary>
public sealed record OtlpReadError(string Field, int Offset, string Problem)
{
    public override string ToString() => $"malformed OTLP request: {Field} at byte {Offset}: {Problem}";
}
