namespace OrleansTempo.Core.Blocks.Format.Pages;

/// <summary>
/// Translates shapes from one dictionary to another, each only once. Spans move from a live generation to a page, or from page to page, without
/// looking at their attributes.
/// </summary>
internal sealed class ShapeTranslator
{
    private SpanDictionary _from = null!;
    private SpanDictionary _to = null!;
    private int[] _shapes = [];
    private int[] _resources = [];
    private int[] _scopes = [];
    private int[] _texts = [];
    private int[] _attributes = [];
    private int[] _keys = [];
    private uint[] _shape = new uint[32];

    /// <summary>Forgets earlier translations, and starts between these two dictionaries.</summary>
    public void Begin(SpanDictionary from, SpanDictionary to)
    {
        _from = from;
        _to = to;
        Reset(ref _shapes, from.Shapes);
        Reset(ref _resources, from.Resources);
        Reset(ref _scopes, from.Scopes);
        Reset(ref _texts, from.Texts);
        Reset(ref _attributes, from.Attributes);
        Reset(ref _keys, from.Keys);
    }

    /// <summary>The number, in the second dictionary, of a shape of the first.</summary>
    public int Translate(int shape)
    {
        var translated = _shapes[shape];
        return translated >= 0 ? translated : _shapes[shape] = TranslateNew(_from.Shape(shape));
    }

    private int TranslateNew(ReadOnlySpan<uint> shape)
    {
        if (_shape.Length < shape.Length)
            _shape = new uint[shape.Length * 2];
        var target = _shape.AsSpan(0, shape.Length);
        shape.CopyTo(target);
        target[SpanShape.Resource] = (uint)Translate((int)shape[SpanShape.Resource], _resources, _from.Resources, _to.Resources);
        target[SpanShape.Scope] = (uint)Translate((int)shape[SpanShape.Scope], _scopes, _from.Scopes, _to.Scopes);
        target[SpanShape.Name] = TranslateText(shape[SpanShape.Name]);
        target[SpanShape.StatusMessage] = TranslateText(shape[SpanShape.StatusMessage]);
        for (var i = SpanShape.FirstAttribute; i < shape.Length; i++)
        {
            var id = SpanShape.IdOf(shape[i]);
            target[i] = SpanShape.IsInline(shape[i])
                ? SpanShape.OfKey(Translate(id, _keys, _from.Keys, _to.Keys))
                : SpanShape.OfAttribute(Translate(id, _attributes, _from.Attributes, _to.Attributes));
        }

        return _to.InternShape(target);
    }

    private uint TranslateText(uint code) => code is SpanShape.NoText or SpanShape.InlineText
        ? code
        : SpanShape.OfText(Translate(SpanShape.TextId(code), _texts, _from.Texts, _to.Texts));

    private static int Translate(int id, int[] map, ByteInterner from, ByteInterner to)
    {
        if (map[id] < 0)
            map[id] = to.Intern(from[id]);
        return map[id];
    }

    private static void Reset(ref int[] map, ByteInterner from)
    {
        if (map.Length < from.Count)
            map = new int[Math.Max(from.Count, map.Length * 2)];
        map.AsSpan(0, from.Count).Fill(-1);
    }
}
