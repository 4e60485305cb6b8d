namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>A range of bytes in a request's buffer.</summary>
public readonly record struct Slice(int Offset, int Length)
{
    public bool IsEmpty => Length == 0;

    public int End => Offset + Length;
}
