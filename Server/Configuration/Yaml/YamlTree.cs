using OrleansTempo.Server.Configuration.Reading;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace OrleansTempo.Server.Configuration.Yaml;

/// <summary>
/// Reads a YAML document from the parser's events, so that every node keeps its place and a key that stands twice is an error
/// with both places. Anchors, aliases and merge keys (<c>&lt;&lt;</c>) work.
/// </summary>
internal sealed class YamlTree
{
    private const int MaxDepth = 64;

    private readonly EnvironmentExpansion _source;
    private readonly Problems _problems;
    private readonly Parser _parser;
    private readonly ExpansionCheck _check;
    private readonly Dictionary<AnchorName, ConfigNode> _anchors = [];
    private int _aliases;

    private YamlTree(EnvironmentExpansion source, Problems problems)
    {
        _source = source;
        _problems = problems;
        _parser = new Parser(new StringReader(source.Text));
        _check = new ExpansionCheck(source);
    }

    /// <summary>The document's root, or null where it is empty or not a mapping; the latter is an error.</summary>
    public static MappingNode? Read(EnvironmentExpansion source, Problems problems)
    {
        var tree = new YamlTree(source, problems);
        try
        {
            var root = tree.ReadDocument();
            tree._check.Report(problems);
            return root;
        }
        catch (YamlException e)
        {
            var position = source.Locate(e.Start.Index);
            problems.Error(position, $"this is not valid YAML: {Explanation(e)}{tree._check.AdviceBefore(e.Start.Index)}");
            return null;
        }
    }

    // Some of the parser's own exceptions carry the better text inside.
    private static string Explanation(YamlException e) => (e.InnerException as YamlException ?? e).Message;

    private MappingNode? ReadDocument()
    {
        Advance();
        Advance();
        if (_parser.Current is not DocumentStart)
            return null;

        Advance();
        var root = ReadNode(0);
        Advance();
        if (_parser.Current is DocumentStart second)
            _problems.Warn(Position(second), "a second document begins here; only the first is read");

        if (root is MappingNode mapping)
            return mapping;
        if (!root.IsNull)
            _problems.Error(root.Position, $"the file must hold a mapping of keys to values, this is {root.Kind}");
        return null;
    }

    // Reads the node that the parser stands on, and leaves it on what follows.
    private ConfigNode ReadNode(int depth)
    {
        var current = _parser.Current!;
        if (depth == MaxDepth)
            throw new YamlException(current.Start, current.End, $"nested deeper than {MaxDepth} levels");

        switch (current)
        {
            case AnchorAlias alias:
                Advance();
                _aliases++;
                if (_anchors.TryGetValue(alias.Value, out var known))
                    return known;
                throw new YamlException(alias.Start, alias.End, $"the alias{(_source.IsFromVariable(alias.Start.Index, alias.End.Index) ? "" : $" *{alias.Value}")} names no anchor that stands before it");

            case Scalar scalar:
                Advance();
                var value = new ScalarNode(Position(scalar), scalar.Value, scalar.Style == ScalarStyle.Plain);
                _check.AddScalar(scalar.Start.Index, scalar.End.Index, value.IsNull ? null : scalar.Value);
                return Anchored(scalar, value);

            case SequenceStart start:
                var sequence = new SequenceNode(Position(start));
                Advance();
                while (_parser.Current is not SequenceEnd)
                    sequence.Items.Add(ReadNode(depth + 1));
                if (start.Style == SequenceStyle.Flow)
                    _check.AddCollection(start.Start.Index, AfterBracket());
                Advance();
                return Anchored(start, sequence);

            case MappingStart start:
                return Anchored(start, ReadMapping(start, depth));

            default:
                throw new YamlException(current.Start, current.End, $"unexpected {current.GetType().Name}");
        }
    }

    // YamlDotNet's scanner falls over some malformed text with exceptions of other kinds, which say nothing to a user.
    private void Advance()
    {
        var before = _parser.Current;
        try
        {
            _parser.MoveNext();
        }
        catch (Exception e) when (e is not YamlException)
        {
            throw new YamlException(before?.End ?? Mark.Empty, before?.End ?? Mark.Empty, "what follows here cannot be parsed", e);
        }
    }

    private MappingNode ReadMapping(MappingStart start, int depth)
    {
        var mapping = new MappingNode(Position(start));
        List<MappingNode> merges = [];
        var aliases = _aliases;
        Advance();
        while (_parser.Current is not MappingEnd)
        {
            var key = ReadNode(depth + 1);
            var value = ReadNode(depth + 1);
            if (key is not ScalarNode name)
                _problems.Error(key.Position, $"a key must be a single value, this is {key.Kind}{(key is MappingNode ? "; where it is of a template ({{ … }}), render that first" : "")}");
            else if (name is { Plain: true, Value: "<<" })
                AddMerges(merges, value);
            else if (mapping.Find(name.Value) is { } first)
                _problems.Error(name.Position, $"the key '{name.Value}' stands twice; it is on line {first.Key.Position.Line} already");
            else
                mapping.Add(name, value);
        }

        if (_aliases == aliases)
            mapping.Source = (int)start.Start.Index..(int)_parser.Current!.Start.Index;
        if (start.Style == MappingStyle.Flow)
            _check.AddCollection(start.Start.Index, AfterBracket());
        Advance();
        foreach (var merged in merges)
        {
            foreach (var entry in merged.Entries)
            {
                if (mapping.Find(entry.Key.Value) is null)
                    mapping.Add(entry.Key, entry.Value);
            }
        }

        return mapping;
    }

    private void AddMerges(List<MappingNode> merges, ConfigNode value)
    {
        foreach (var item in value is SequenceNode list ? list.Items : [value])
        {
            if (item is MappingNode mapping)
                merges.Add(mapping);
            else
                _problems.Error(item.Position, $"<< must be a mapping or a list of mappings, this is {item.Kind}");
        }
    }

    private ConfigNode Anchored(NodeEvent node, ConfigNode result)
    {
        if (!node.Anchor.IsEmpty)
            _anchors[node.Anchor] = result;
        return result;
    }

    // The parser's event for the end of a flow collection stands at its bracket.
    private long AfterBracket() => _parser.Current!.Start.Index + 1;

    private SourcePosition Position(ParsingEvent node) => _source.Locate(node.Start.Index);
}
