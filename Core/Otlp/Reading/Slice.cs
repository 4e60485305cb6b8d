namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>A run of bytes of a request's buffer: where it begins and how long it is.</summary>
public readonly record struct Slice(int Offset, int Length)
{
    public bool IsEmpty => Length == 0;

    public int End => Offset + Length;
}
