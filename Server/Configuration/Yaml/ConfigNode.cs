namespace OrleansTempo.Server.Configuration.Yaml;

/// <summary>A part of a YAML document that knows where it stands.</summary>
internal abstract class ConfigNode(SourcePosition position)
{
    public SourcePosition Position { get; } = position;

    /// <summary>What it is, for an error that expected something else.</summary>
    public abstract string Kind { get; }

    /// <summary>An empty value, <c>~</c> or <c>null</c>: as good as not written.</summary>
    public virtual bool IsNull => false;
}

/// <summary>A single value; whether it was quoted decides if it can be anything but a string where any type is allowed.</summary>
internal sealed class ScalarNode(SourcePosition position, string value, bool plain) : ConfigNode(position)
{
    public string Value { get; } = value;

    public bool Plain { get; } = plain;

    public override string Kind => "a single value";

    public override bool IsNull => Plain && Value is "" or "~" or "null" or "Null" or "NULL";
}

/// <summary>A list.</summary>
internal sealed class SequenceNode(SourcePosition position) : ConfigNode(position)
{
    public List<ConfigNode> Items { get; } = [];

    public override string Kind => "a list";
}

/// <summary>A place in the file as it was written, before anything was expanded; counted from 1, or all 0 for the file as a whole.</summary>
internal readonly record struct SourcePosition(int Line, int Column);
