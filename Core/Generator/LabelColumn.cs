namespace OrleansTempo.Core.Generator;

/// <summary>One label of the span metrics: its name and where its value comes from.</summary>
internal sealed record LabelColumn(LabelSource Source, string Label)
{
    /// <summary>The attributes, by their places in the resource's and the span's picker; several are joined.</summary>
    public (int InResource, int InSpan)[] Attributes { get; init; } = [];

    public byte[] Join { get; init; } = [];

    /// <summary>The column of the same label that replaces this one wherever it has a value.</summary>
    public LabelSource? YieldsTo { get; init; }
}
